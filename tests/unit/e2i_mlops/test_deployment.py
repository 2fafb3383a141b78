"""The server that a team deploys: its compose files keep our rules, and what its image runs is run here."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import pytest
import urllib3
import yaml
from langchain_core.runnables import Runnable, RunnableLambda
from mlflow import MlflowClient

from e2i.config import AgentConfig
from e2i.mlops import MlflowConfig, call_queue, flush, observe

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parents[3] / "fixtures" / "mlflow"
ENTRYPOINT, HEALTHCHECK = HERE / "entrypoint.py", HERE / "healthcheck.py"
COMPOSE = {
    name: yaml.safe_load((HERE / name).read_text()) for name in ("docker-compose.yml", "docker-compose.prod.yml")
}
SERVICES: list[tuple[str, dict[str, Any]]] = [
    (f"{name}/{service}", body) for name, document in COMPOSE.items() for service, body in document["services"].items()
]
BASE = COMPOSE["docker-compose.yml"]
SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY")
REQUIRED_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+:\?[^}]+\}")
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"
START_TIMEOUT_S = 90.0
POSTGRES = shutil.which("postgres") and shutil.which("initdb")
CONFIG = AgentConfig(
    agent="tester",
    tier=2,
    use_case="testing",
    mlflow_experiment="deployment/{brand}",
    model="claude-sonnet-5-5",
    max_tokens=100,
    prompts={"plan": "1"},
    metrics={"confidence": "confidence"},
    artifacts={"answer.json": "."},
)
spec = importlib.util.spec_from_file_location("entrypoint", ENTRYPOINT)
assert spec is not None
assert spec.loader is not None
entrypoint = importlib.util.module_from_spec(spec)
spec.loader.exec_module(entrypoint)


# the compose files


@pytest.mark.parametrize(("name", "service"), SERVICES, ids=[name for name, _ in SERVICES])
def test_no_secret_is_written_down(name: str, service: dict[str, Any]) -> None:
    """Whatever is called a secret comes from a variable that must be set."""
    secrets = {key: value for key, value in service["environment"].items() if SECRET_NAME.search(key)}

    assert secrets, name
    assert [key for key, value in secrets.items() if not REQUIRED_VARIABLE.fullmatch(value)] == []


@pytest.mark.parametrize("name", BASE["services"])
def test_a_service_is_pinned_healthy_and_modest(name: str) -> None:
    """Image version, restart, health check, networks, and no privileges to gain."""
    service = BASE["services"][name]

    assert re.fullmatch(r"[a-z0-9-]+:\d+(\.\d+)+", service["image"])
    assert service["restart"] == "unless-stopped"
    assert {"test", "interval", "timeout", "retries"} <= service["healthcheck"].keys()
    assert set(service["networks"]) <= BASE["networks"].keys()
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged")
    volumes = [volume.partition(":")[0] for volume in service["volumes"]]
    assert set(volumes) <= BASE["volumes"].keys()


def test_ports_are_published_on_the_loopback_alone() -> None:
    """The server asks nobody who they are, and the database is reached by the server only."""
    ports = {name: service.get("ports", []) for name, service in BASE["services"].items()}

    assert ports["postgres"] == []
    assert ports["mlflow"]
    assert all(port.startswith("127.0.0.1:") for port in ports["mlflow"])
    assert BASE["networks"]["store"]["internal"] is True
    assert BASE["services"]["postgres"]["networks"] == ["store"]


def test_the_server_waits_for_a_healthy_database() -> None:
    """It migrates the database when it starts."""
    assert BASE["services"]["mlflow"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_production_changes_the_artifacts_alone() -> None:
    """The second file overrides services of the first, and adds no other."""
    production = COMPOSE["docker-compose.prod.yml"]
    changed = production["services"]["mlflow"]["environment"]

    assert production.keys() == {"services"}
    assert production["services"].keys() == {"mlflow"}
    assert changed["MLFLOW_ARTIFACTS_DESTINATION"].startswith("s3://${S3_BUCKET:?")
    assert "MLFLOW_ARTIFACTS_DESTINATION" in BASE["services"]["mlflow"]["environment"]


def test_every_variable_of_the_compose_files_is_documented() -> None:
    """The README has a row for each variable that a person sets."""
    text = "".join((HERE / name).read_text() for name in COMPOSE)
    readme = (HERE / "README.md").read_text()

    assert {name for name in re.findall(r"\$\{([A-Z0-9_]+)", text) if f"`{name}`" not in readme} == set()


def test_the_image_is_pinned_and_not_root() -> None:
    """Versions are exact, MLflow's is the one tested here, and no key is baked in."""
    lines = (HERE / "Dockerfile").read_text().splitlines()
    words = [line.split() for line in lines if line and not line.startswith(("#", " "))]
    pins = dict(line.split("==") for line in (HERE / "requirements.txt").read_text().splitlines() if line[0] != "#")

    assert [word for first, *word in words if first == "FROM"] == [["python:3.12.8-slim-bookworm"]]
    assert [word for first, *word in words if first == "USER"] == [["10001:10001"]]
    assert pins.keys() == {"mlflow", "psycopg[binary]", "boto3"}
    assert pins["mlflow"] == mlflow.__version__
    assert not SECRET_NAME.search("\n".join(lines))
    copied = {name for first, *names in words if first == "COPY" for name in names[:-1]}
    assert all((HERE / name).is_file() for name in copied)
    assert copied == {line[1:] for line in (HERE / ".dockerignore").read_text().splitlines() if line[0] == "!"}


# the entry point


def test_the_database_address_is_made_of_its_parts() -> None:
    """A password may have any character, and reaches the server by the environment."""
    parts = {"POSTGRES_HOST": "db", "POSTGRES_DB": "ml", "POSTGRES_USER": "e2i", "POSTGRES_PASSWORD": "p@ss/w:rd %"}
    environ = entrypoint.settings(parts)

    assert environ["MLFLOW_BACKEND_STORE_URI"] == "postgresql+psycopg://e2i:p%40ss%2Fw%3Ard%20%25@db:5432/ml"
    assert (environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"], environ["MLFLOW_DISABLE_TELEMETRY"]) == ("false", "true")


def test_a_missing_part_is_named() -> None:
    """The container ends with the name of what is not set."""
    with pytest.raises(SystemExit, match=r"^POSTGRES_DB, POSTGRES_PASSWORD not set; set MLFLOW_BACKEND_STORE_URI, or"):
        entrypoint.settings({"POSTGRES_HOST": "db", "POSTGRES_USER": "e2i", "POSTGRES_PASSWORD": ""})


# the image's commands


def test_the_server_of_the_image_takes_calls(tmp_path: Path) -> None:
    """Entry point and health check as the image runs them, on SQLite: a call is taken, a stranger's host is not."""
    store = {"MLFLOW_BACKEND_STORE_URI": f"sqlite:///{tmp_path / 'hunter2.db'}"}
    with deployed(store, tmp_path) as (uri, pid):
        check_logging(uri, tmp_path)
        arguments = b"".join(path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if belongs(path, pid))
        port = uri.rpartition(":")[2]
        answers = {
            host: urllib3.request("GET", f"{uri}{SEARCH}", headers={"Host": host}).status
            for host in (f"mlflow:{port}", f"evil.example:{port}")
        }

    assert answers == {f"mlflow:{port}": 200, f"evil.example:{port}": 403}
    assert b"mlflow" in arguments
    assert b"hunter2" not in arguments
    gone = subprocess.run(
        [sys.executable, HEALTHCHECK], env={"MLFLOW_PORT": port}, capture_output=True, text=True, check=False
    )
    assert (gone.returncode, gone.stderr.partition(":")[0]) == (1, "/health cannot be reached")


@pytest.mark.skipif(not POSTGRES, reason="needs PostgreSQL's programs")
def test_the_server_of_the_image_takes_calls_on_postgresql(tmp_path: Path) -> None:
    """The same on PostgreSQL, with a password that has to be quoted."""
    pytest.importorskip("psycopg")
    with database("p@ss/w:rd %") as store, deployed(store, tmp_path) as (uri, _pid):
        check_logging(uri, tmp_path)


def check_logging(uri: str, folder: Path) -> None:
    """Log one call of an agent to a server, and read it back."""
    here = MlflowConfig(enabled=True, tracking_uri=uri, spool_dir=folder / "spool", read_timeout_s=30.0)
    answering: Runnable[Any, Any] = RunnableLambda(lambda _inputs: {"confidence": 0.5})
    observe(answering, CONFIG, mlflow=here).invoke({"brand": "Kisqali"})
    result = flush(60)
    call_queue.close()
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("deployment/Kisqali")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    (trace,) = client.search_traces(locations=[experiment.experiment_id], run_id=run.info.run_id)

    assert (result.pending, result.dropped) == (0, 0)
    assert run.data.metrics["confidence"] == 0.5
    assert trace.info.state == "OK"
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["answer.json"]


@contextmanager
def deployed(store: dict[str, str], folder: Path) -> Iterator[tuple[str, int]]:
    """Run the image's entry point with the compose file's settings, and wait for its health check."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    hosts = BASE["services"]["mlflow"]["environment"]["MLFLOW_SERVER_ALLOWED_HOSTS"]
    environ = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "MLFLOW_HOST": "127.0.0.1",
        "MLFLOW_PORT": str(port),
        "MLFLOW_WORKERS": "1",
        "MLFLOW_ARTIFACTS_DESTINATION": str(folder / "artifacts"),
        "MLFLOW_SERVER_ALLOWED_HOSTS": hosts.partition(":-")[2].rstrip("}"),
        **store,
    }
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, ENTRYPOINT], env=environ, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    try:
        await_health(environ, server, folder / "server.log")
        yield f"http://127.0.0.1:{port}", server.pid
    finally:
        server.terminate()
        try:
            server.wait(30)
        finally:
            server.kill()


def await_health(environ: dict[str, str], server: subprocess.Popen[bytes], log: Path) -> None:
    """Run the image's health check until it is content."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while server.poll() is None and time.monotonic() < deadline:
        if subprocess.run([sys.executable, HEALTHCHECK], env=environ, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.3)
    pytest.fail(f"the server did not become healthy (exit code {server.poll()}):\n{log.read_text()[-2000:]}")


def belongs(path: Path, pid: int) -> bool:
    """Tell whether a file of /proc is of a process in the session that ``pid`` leads."""
    try:
        return os.getsid(int(path.parent.name)) == pid
    except ProcessLookupError:
        return False


@contextmanager
def database(password: str) -> Iterator[dict[str, str]]:
    """Run a PostgreSQL of its own on a loopback port; as another user where this is root, whom it refuses."""
    owner = "postgres" if os.getuid() == 0 else None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="e2i-postgres-") as name:
        folder = Path(name)
        secret, data = folder / "password", folder / "data"
        secret.write_text(password)
        if owner:
            for path in (folder, secret):
                shutil.chown(path, owner)
        setup = ["initdb", "--username=mlflow", f"--pwfile={secret}", "--auth=scram-sha-256", "--no-sync", str(data)]
        subprocess.run(setup, check=True, capture_output=True, cwd=folder, user=owner)
        server = subprocess.Popen(
            [
                "postgres",
                "-D",
                str(data),
                "-p",
                port,
                "-c",
                "listen_addresses=127.0.0.1",
                "-k",
                name,
                "-c",
                "fsync=off",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            user=owner,
        )
        try:
            await_database(port)
            yield {
                "POSTGRES_HOST": "127.0.0.1",
                "POSTGRES_PORT": port,
                "POSTGRES_DB": "postgres",
                "POSTGRES_USER": "mlflow",
                "POSTGRES_PASSWORD": password,
            }
        finally:
            server.terminate()
            server.wait(30)


def await_database(port: str) -> None:
    """Wait until PostgreSQL takes connections."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", int(port))) == 0:
                return
        time.sleep(0.1)
    pytest.fail("PostgreSQL did not start")
