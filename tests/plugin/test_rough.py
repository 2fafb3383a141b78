"""Sessions that are ended from outside, and targets that do not behave."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import psutil
    from tests.plugin.conftest import Outcome, Project

AGENTS = '''
"""Agents that do what agents should not."""

import asyncio
import os
import sys
import tempfile
import threading
import time
from functools import cache


@cache
def support():
    from shop.agents import build_support

    return build_support()


def prints(inputs):
    print("noise " * 1000, flush=True)
    os.write(1, b"loud noise")
    return support().invoke(inputs)


def leaves(inputs):
    sys.exit(3)


def moves(inputs):
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.rmdir(folder)
    return support().invoke(inputs)


def stays(inputs):
    assert os.path.isfile("pyproject.toml"), os.getcwd()
    return support().invoke(inputs)


async def waits(inputs):
    await asyncio.sleep(0)
    return await support().ainvoke(inputs)


async def cancels(inputs):
    raise asyncio.CancelledError


def circles(inputs):
    answer = support().invoke(inputs)
    answer["itself"] = answer
    return answer


def lingers(inputs):
    import anthropic

    answered = threading.Event()

    def ask():
        answered.wait()
        time.sleep(0.1)
        anthropic.Anthropic().messages.create(
            model="claude-sonnet-5-5", max_tokens=9, messages=[{"role": "user", "content": "Too late?"}]
        )

    threading.Thread(target=ask).start()
    answer = support().invoke(inputs)
    answered.set()
    return answer


def hangs(inputs):
    open("hanging", "w").close()
    time.sleep(60)


def dies(inputs):
    os._exit(9)
'''

AUTOLOG = "mlflow.langchain:autolog"
NEVER_ANSWER = {"hangs", "dies"}
"""These need no logging, and importing it takes seconds."""

GONE_S = 30.0
REFUND = "support/refund"


def add(project: Project, *names: str, prefix: str = "") -> None:
    """Add misbehaving targets; ``prefix`` decides when they run."""
    project.write("shop/rough.py", AGENTS)
    for name in names:
        logging = {} if name in NEVER_ANSWER else {"logging": AUTOLOG}
        project.add_target(prefix + name, entry=f"shop.rough:{name}", **logging)


def await_file(path: Path) -> None:
    """Wait until an agent has left a file."""
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.05)


def await_none(found: Callable[[], list[psutil.Process]]) -> float:
    """Wait until there is no such process; return how long it took."""
    begun_s = time.monotonic()
    while found() and time.monotonic() - begun_s < GONE_S:
        time.sleep(0.02)
    assert found() == []
    return time.monotonic() - begun_s


def runs(project: Project) -> list[tuple[str, str]]:
    """Return level and status of every run in the project's store."""
    query = "SELECT value, status FROM runs JOIN tags USING (run_uuid) WHERE key = 'e2i.level'"
    with closing(sqlite3.connect(project.folder / ".e2i/mlflow/mlflow.db")) as database:
        return database.execute(query).fetchall()


@pytest.fixture(scope="module", autouse=True)
def started_warm() -> None:
    """Cold, as a user's session: in a process forked after the import, autolog misses the asynchronous target."""


@pytest.fixture(scope="module")
def rough(new_project: Callable[[], Project]) -> Outcome:
    """One run over targets of every kind."""
    project = new_project()
    add(project, "prints", "leaves", "moves", "stays", "waits", "cancels", "circles")
    add(project, "lingers", prefix="z")
    return project.run()


def test_each_target_is_judged_alone(rough: Outcome) -> None:
    """Output, folder and exit of one target do not reach the next."""
    assert rough.statuses == {
        REFUND: "pass",
        "prints/one": "pass",
        "moves/one": "pass",
        "stays/one": "pass",
        "waits/one": "pass",
        "zlingers/one": "pass",
        "leaves/one": "fail",
        "cancels/one": "fail",
        "circles/one": "fail",
    }
    assert "SystemExit: 3" in rough.reasons("leaves/one")
    assert "CancelledError" in rough.reasons("cancels/one")
    assert "its output has no form as plain data" in rough.reasons("circles/one")


def test_a_call_after_the_end_is_told(rough: Outcome) -> None:
    """It belongs to no case, so the session answers for it."""
    (problem,) = rough.report["problems"]

    assert "was sent while no case was running" in problem
    assert problem in rough.screen


@pytest.fixture(scope="module")
def interrupted(new_project: Callable[[], Project]) -> tuple[Project, Outcome]:
    """A run that Ctrl-C ends in its second case of three."""
    project = new_project()
    add(project, "stays", prefix="a")
    add(project, "hangs", prefix="b")
    process = project.start()
    await_file(project.folder / "hanging")
    os.kill(process.pid, signal.SIGINT)
    return project, project.end(process)


def test_ctrl_c_leaves_a_report(interrupted: tuple[Project, Outcome]) -> None:
    """It says what it is, and what is missing."""
    project, outcome = interrupted

    assert outcome.code == pytest.ExitCode.INTERRUPTED
    assert outcome.statuses == {"astays/one": "pass"}
    assert outcome.report["problems"] == [
        "the session was interrupted",
        "2 of 3 tests did not run to their end: they have no result here",
        "case bhangs/one was begun and has no result; its run was ended as KILLED",
    ]
    assert project.servers() == []
    assert list(project.temporary.glob("e2i-eval-*")) == []


def test_ctrl_c_leaves_no_run_open(interrupted: tuple[Project, Outcome]) -> None:
    """In the store all three levels have ended, the case that was running as KILLED."""
    project, _ = interrupted

    assert sorted(runs(project)) == [
        ("case", "FINISHED"),
        ("case", "KILLED"),
        ("session", "FAILED"),
        ("target", "FAILED"),
        ("target", "FINISHED"),
    ]


def test_sigkill_leaves_nothing_running(project: Project) -> None:
    """The server is gone at once, the next run works, and clears away what could not be removed."""
    add(project, "hangs")
    process = project.start("-k", "hangs")
    await_file(project.folder / "hanging")
    process.kill()
    gone_s = await_none(project.servers)
    process.communicate()
    left = list(project.temporary.glob("e2i-eval-*"))
    for folder in left:
        os.utime(folder, (0, 0))
    outcome = project.run("-k", "refund", "--e2i-store=kept")

    print(f"gone after {gone_s:.2f} s")
    assert len(left) == 1
    assert outcome.code == pytest.ExitCode.OK, outcome.screen
    assert outcome.report["session"]["store"] == str(project.folder / "kept")
    assert {"kept/mlflow.db", ".e2i/mlflow/mlflow.db"} <= project.files()
    assert list(project.temporary.glob("e2i-eval-*")) == []


@pytest.mark.parametrize("hook", ["pytest_sessionstart(session)", "pytest_configure(config)", "pytest_collection()"])
def test_a_hook_that_raises_takes_the_server_along(project: Project, hook: str) -> None:
    """Whatever happens to pytest, no process is left."""
    project.write("conftest.py", f"def {hook}:\n    raise RuntimeError('broken hook')\n")

    outcome = project.run()

    assert outcome.code not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
    assert "broken hook" in outcome.screen
    await_none(project.servers)
    assert list(project.temporary.glob("e2i-eval-*")) == []


def test_two_sessions_at_once(project: Project) -> None:
    """They share folder and store; both are recorded, and the report is whole and one of the two."""
    processes = [project.start(), project.start()]
    outcomes = [project.end(process) for process in processes]
    reported = json.loads((project.folder / ".e2i/report.json").read_text())
    assert [outcome.code for outcome in outcomes] == [0, 0], [outcome.screen for outcome in outcomes]
    assert sorted(runs(project)) == [(level, "FINISHED") for level in ("case", "session", "target") for _ in "ab"]
    assert reported["problems"] == []
    assert {path for path in project.files() if path.startswith(".e2i/") and "mlflow" not in path} == {
        f".e2i/report.{ending}" for ending in ("html", "json", "md")
    }


def test_a_worker_that_dies_is_missed(project: Project) -> None:
    """Under xdist the case it was at is named, its run is ended, and the rest goes on in another worker."""
    add(project, "dies")

    outcome = project.run("-n", "2")

    assert outcome.code == pytest.ExitCode.TESTS_FAILED
    assert outcome.statuses == {REFUND: "pass"}
    crashed, begun = outcome.report["problems"]
    assert crashed.startswith("golden/cases/dies/one.yaml::dies/one has no result: worker 'gw")
    assert begun == "case dies/one was begun and has no result; its run was ended as KILLED"
    assert project.servers() == []
