"""The store and the database template: made once, never half, and clear words when they cannot be used."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import resource
import shutil
import sqlite3
import threading
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from e2i_eval.core.errors import ServerError
from e2i_eval.tracking import TemporaryServer, database
from e2i_eval.tracking.spawn import mlflow_version
from e2i_eval.tracking.store import Store, revision
from e2i_eval.tracking.template import Template

if TYPE_CHECKING:
    from collections.abc import Iterator

# The functions under test run in the server's process, where MLflow and SQLAlchemy may warn each other in peace.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("warm_python")]

START_TIMEOUT_S = 180.0


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A template made by the server's own function."""
    folder = tmp_path_factory.mktemp("template")
    made = Template.of(folder / "cache", "9.9")
    database.prepare(folder / "mlflow.db", made.path, note=pytest.fail)
    return made


@contextlib.contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """Let this process write no larger file, which is how a full disk looks."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_template_is_one_sound_file_with_all_tables(template: Template) -> None:
    """It is copied while nobody has it open, so nothing may be beside it."""
    with contextlib.closing(sqlite3.connect(template.path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    assert template.is_sound()
    assert {"experiments", "runs", "trace_info", "assessments"} <= tables
    assert [path.name for path in template.path.parent.iterdir()] == ["mlflow-9.9.db"]


def test_a_new_store_has_its_database_before_the_server_runs(tmp_path: Path, template: Template) -> None:
    """The copy is made by the parent: the server finds a database and migrates nothing."""
    cache = tmp_path / "cache"
    cache.mkdir()
    shutil.copy(template.path, cache / f"mlflow-{mlflow_version()}.db")
    server = TemporaryServer.start(store=tmp_path / "store", cache=cache, environ=os.environ)
    found = revision(server.store.database)
    server.stop()

    assert found == revision(template.path)
    assert server.notes == []


def test_a_copy_never_replaces_a_database_that_is_there(tmp_path: Path, template: Template) -> None:
    """Two sessions may start on one empty store: the second must not take the first one's runs away."""
    there = tmp_path / "mlflow.db"
    there.write_bytes(b"the first session's")

    template.copy_to(there)

    assert there.read_bytes() == b"the first session's"
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_a_damaged_template_is_removed_and_said(tmp_path: Path, template: Template) -> None:
    """Cut off in the middle: the header is right, the rest is not there."""
    cache = tmp_path / "cache"
    cache.mkdir()
    damaged = cache / f"mlflow-{mlflow_version()}.db"
    damaged.write_bytes(template.path.read_bytes()[:300_000])
    server = TemporaryServer.start(store=tmp_path / "store", cache=cache, environ=os.environ)
    server.stop()

    assert server.notes == [f"the database template {damaged} was damaged and is built anew"]
    assert not server.store.database.exists()


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\x00" + b"\x01" * 5000])
def test_no_template_is_taken_for_one_that_is_not(tmp_path: Path, content: bytes) -> None:
    """Whatever is in the file, it is a verdict and not an exception."""
    path = tmp_path / "mlflow-9.9.db"
    path.write_bytes(content)

    assert not Template(path=path).is_sound()


def test_a_cache_that_cannot_be_written_is_a_note_not_an_error(tmp_path: Path) -> None:
    """The next session waits a little longer; this one has its database."""
    (tmp_path / "cache").write_text("a file where the folder should be", encoding="utf-8")
    notes: list[str] = []

    database.prepare(tmp_path / "mlflow.db", tmp_path / "cache" / "mlflow-9.9.db", notes.append)

    assert revision(tmp_path / "mlflow.db")
    assert len(notes) == 1
    assert notes[0].startswith("no database template could be kept at ")


def test_an_older_store_is_migrated_and_said(tmp_path: Path) -> None:
    """What was recorded stays; the note names both schemas."""
    store = tmp_path / "mlflow.db"
    older, head = build_older(store)
    notes: list[str] = []

    database.prepare(store, tmp_path / "template.db", notes.append)

    assert revision(store) == head
    assert notes == [f"migrated {store} from schema {older} to {head} (MLflow {mlflow_version()})"]


def build_older(path: Path) -> tuple[str, str]:
    """Make a database of the schema before the newest; return both revisions."""
    utils: Any = import_module("mlflow.store.db.utils")
    scripts = import_module("alembic.script").ScriptDirectory.from_config(utils._get_alembic_config("sqlite://"))  # noqa: SLF001
    head = scripts.get_current_head()
    older = scripts.get_revision(head).down_revision
    engine = utils.create_sqlalchemy_engine(f"sqlite:///{path}")
    import_module("mlflow.store.tracking.dbmodels.initial_models").Base.metadata.create_all(engine)
    config = utils._get_alembic_config(f"sqlite:///{path}")  # noqa: SLF001
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        import_module("alembic.command").upgrade(config, older)
    engine.dispose()
    return older, head


def test_a_store_of_a_newer_mlflow_is_refused(tmp_path: Path, cache: Path, template: Template) -> None:
    """The child's error reaches the person who called, with what to type."""
    store = tmp_path / "store"
    store.mkdir()
    shutil.copy(template.path, store / "mlflow.db")
    with contextlib.closing(sqlite3.connect(store / "mlflow.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    server = TemporaryServer.start(store=store, cache=cache, environ=os.environ)

    with pytest.raises(ServerError) as caught:
        server.wait_ready(START_TIMEOUT_S)
    assert caught.value.what == (
        f"the store's database {store / 'mlflow.db'} was made by a newer MLflow than {mlflow_version()} "
        "(its schema is 'ffffffffffff')"
    )
    assert caught.value.fix is not None
    assert caught.value.fix.startswith("install that MLflow (pip install --upgrade mlflow), or choose another folder")


def test_a_store_that_is_a_file_is_named(tmp_path: Path) -> None:
    """The folder cannot be made."""
    path = tmp_path / "store"
    path.write_text("", encoding="utf-8")

    with pytest.raises(ServerError, match=r"the store .*store cannot be written: file exists"):
        Store(root=path).prepare()


def test_a_store_that_may_not_be_written_is_named() -> None:
    """The kernel's own folder, which not even root can write to."""
    with pytest.raises(ServerError, match=r"the store /proc/store cannot be written: .*\n  fix: choose another folder"):
        Store(root=Path("/proc/store")).prepare()


def test_a_full_disk_is_named_and_leaves_no_partial_database(tmp_path: Path, cache: Path, template: Template) -> None:
    """Half a database would be worse than none."""
    cache = tmp_path / "cache"
    cache.mkdir()
    shutil.copy(template.path, cache / f"mlflow-{mlflow_version()}.db")

    with (
        file_size_limit(100_000),
        pytest.raises(ServerError, match=r"cannot be written: there is no space left\n  fix: free some space there"),
    ):
        TemporaryServer.start(store=tmp_path / "store", cache=cache, environ=os.environ)
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["server.log"]


def test_a_disk_that_fills_up_while_the_database_is_made_is_named(tmp_path: Path) -> None:
    """SQLite says it in its own words."""
    with file_size_limit(100_000), pytest.raises(ServerError, match=r"cannot be written: .*\n  fix: choose another"):
        database.prepare(tmp_path / "mlflow.db", tmp_path / "template.db", note=pytest.fail)
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_none_is_named(tmp_path: Path) -> None:
    """It is not overwritten: it may be somebody's."""
    (tmp_path / "mlflow.db").write_bytes(b"notes" * 1000)

    with pytest.raises(ServerError, match=r"mlflow\.db is not a usable MLflow database: file is not a database"):
        Store(root=tmp_path).prepare()
    assert (tmp_path / "mlflow.db").stat().st_size == 5000


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """A partial database is named after the process that makes it."""
    dead = tmp_path / ".mlflow.db.999999999-wal"
    alive = tmp_path / f".mlflow.db.{os.getpid()}"
    dead.touch()
    alive.touch()

    Store(root=tmp_path).prepare()

    assert not dead.exists()
    assert alive.exists()


def test_two_servers_share_a_store_that_both_had_to_make(tmp_path: Path, cache: Path) -> None:
    """Two sessions, or a session and the UI: everything both were told is there, nothing was refused."""
    own_cache = tmp_path / "cache"
    own_cache.mkdir()
    (own_cache / "pycache").symlink_to(cache / "pycache")
    servers = [TemporaryServer.start(store=tmp_path / "store", cache=own_cache, environ=os.environ) for _ in range(2)]
    for server in servers:
        server.wait_ready(START_TIMEOUT_S)
    experiment = post(servers[0], "experiments/create", {"name": "shared"})["experiment_id"]
    failures: list[str] = []
    writers = [
        threading.Thread(target=write_runs, args=(server, experiment, failures)) for server in servers for _ in range(2)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    for server in servers:
        server.stop()

    assert failures == []
    with contextlib.closing(sqlite3.connect(servers[0].store.database)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM runs").fetchone() == (4 * RUNS_A_WRITER,)
        assert connection.execute("SELECT COUNT(*) FROM metrics").fetchone() == (4 * RUNS_A_WRITER * 3,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert Template.of(own_cache, mlflow_version()).is_sound()


RUNS_A_WRITER = 10


def write_runs(server: TemporaryServer, experiment: str, failures: list[str]) -> None:
    """Create runs and log to them, one after the other."""
    for index in range(RUNS_A_WRITER):
        try:
            run = post(server, "runs/create", {"experiment_id": experiment, "start_time": 1, "run_name": str(index)})
            metrics = [{"key": f"m{number}", "value": number, "timestamp": 1, "step": 0} for number in range(3)]
            post(server, "runs/log-batch", {"run_id": run["run"]["info"]["run_id"], "metrics": metrics})
        except RuntimeError as error:
            failures.append(str(error))


def post(server: TemporaryServer, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401  whatever the API answers
    """Make a request of the REST API, waiting as long as it takes."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.uri).port, timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", f"/api/2.0/mlflow/{path}", json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
    if response.status != http.client.OK:
        raise RuntimeError(answer)
    return json.loads(answer)
