"""Two real sessions in one store, compared by every name a person may give them."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval import tracking
from e2i_eval.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.conftest import Project

GIT = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
EXPECTED = 'output: {answer: "It was paid on Monday."}'
NOTHING_WORSE, WORSE, NOT_FOUND = 0, 1, 4


@pytest.fixture(scope="module")
def names(new_project: Callable[[], Project]) -> dict[str, str]:
    """A good session of ``main``, accepted as a baseline and tagged in git; a worse one of a branch.

    Returned by kind of name; the project's folder is ``folder``.
    """
    project = new_project()
    git(project, "init", "--quiet", "--initial-branch=main")
    first = session(project, "good")
    git(project, "tag", "v1")
    git(project, "switch", "--quiet", "--create", "feature/x")
    project.write("golden/cases/support/refund.yaml", project.refund.replace(EXPECTED, "output: {answer: other}"))
    second = session(project, "worse")
    return {"folder": str(project.folder), **first, **second}


def session(project: Project, name: str) -> dict[str, str]:
    """Commit what is there, evaluate it, keep the report; return how the session may be called."""
    git(project, "add", "golden", "shop", "pyproject.toml")
    git(project, "commit", "--quiet", "-m", name)
    outcome = project.run()
    shutil.copy(project.folder / ".e2i/report.json", project.folder / f"{name}.json")
    if name == "good":
        accept = [sys.executable, "-m", "e2i_eval", "baseline", "accept", "latest", "--reason", "the first"]
        done = subprocess.run(
            accept, cwd=project.folder, env=project.environ({}), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    own = outcome.report["session"]
    return {f"{name} id": own["run_id"], f"{name} commit": own["git"]["commit"], f"{name} file": f"{name}.json"}


def git(project: Project, *words: str) -> None:
    """Run git in the project."""
    subprocess.run([*GIT, *words], cwd=project.folder, check=True, capture_output=True)


@pytest.fixture(autouse=True)
def no_server(names: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in the project; a store on this machine is read without a server."""

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a server was started to read a store of this machine")

    monkeypatch.chdir(names["folder"])
    monkeypatch.setattr(tracking, "session_runs", refuse)


def test_every_name_finds_its_session(names: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Run id, baseline, git tag, branch, commit, part of a commit, file: the same two sessions each time."""
    good = ("main", "baseline:main", "git:main", "v1", "git:v1", "good commit", "good id", "good file")
    worse = ("feature/x", "git:feature/x", "latest", "worse id", "worse file", "worse commit")
    seen = set()
    for one, other in zip(good, [*worse, *worse[:2]], strict=True):
        assert main(["compare", names.get(one, one), names.get(other, other)]) == WORSE, (one, other)
        seen.add(capsys.readouterr().out.rpartition("\n\n")[2].strip())
        assert main(["compare", names.get(other, other), names.get(one, one)]) == NOTHING_WORSE, (other, one)
        capsys.readouterr()
    assert main(["compare", names["good commit"][:9], names["worse commit"][:8]]) == WORSE

    assert len(seen) == 1, seen
    assert "worse" in seen.pop().lower()


def test_the_runs_have_the_numbers_of_the_gate(names: dict[str, str]) -> None:
    """How many rules are broken, and what was judged beside what was accepted; nothing where nothing was gated."""
    good, worse = metrics(names["good id"]), metrics(names["worse id"])

    assert not [name for name in good if name.startswith("gate.")]
    assert {name: value for name, value in worse.items() if name.startswith("gate.")} == {
        "gate.failed": 1.0,
        "gate.inconclusive": 0.0,
    }
    (target,) = of_targets(names["worse id"])
    told = {name: value for name, value in metrics(target).items() if name.startswith("gate.")}
    assert (told["gate.failed"], told["gate.pass_rate"], told["gate.pass_rate.baseline"]) == (1.0, 0.0, 1.0)
    assert told["gate.input_tokens"] == told["gate.input_tokens.baseline"] > 0


def metrics(run_id: str) -> dict[str, float]:
    """Return a run's metrics as the store has them."""
    return dict(rows("SELECT key, value FROM latest_metrics WHERE run_uuid = ?", run_id))


def of_targets(session: str) -> list[str]:
    """Return the runs of the targets of a session."""
    query = """SELECT run_uuid FROM tags JOIN tags AS level USING (run_uuid)
        WHERE tags.key = 'mlflow.parentRunId' AND tags.value = ? AND level.key = 'e2i.level' AND level.value = 'target'
    """
    return [run_id for (run_id,) in rows(query, session)]


def rows(query: str, value: str) -> list[Any]:
    """Ask the store of the current folder."""
    with closing(sqlite3.connect(".e2i/mlflow/mlflow.db")) as database:
        return database.execute(query, [value]).fetchall()


def test_a_name_nobody_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The store's database is believed: it is no reason to start a server."""
    assert main(["compare", "latest", "feature/y"]) == NOT_FOUND
    assert "there is no run 'feature/y'" in capsys.readouterr().err
