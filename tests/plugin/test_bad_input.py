"""Whatever is wrong with a project is said in one message: what, which value, where, what to do."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from e2i_eval.tracking import TemporaryServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.plugin.conftest import Outcome, Project

ENTRIES = '''
"""Entries that break in every way."""

import sys

from shop.agents import build_support


def raises():
    raise ValueError("no shelf")


def leaves():
    sys.exit("no shop today")


async def flush():
    raise ConnectionError("the spool is gone")


number = 7
'''

BROKEN = {
    "unimportable": {"entry": "shop.nowhere:build"},
    "unnamed": {"entry": "shop.entries:biuld_support"},
    "number": {"entry": "shop.entries:number"},
    "raising": {"entry": "shop.entries:raises"},
    "leaving": {"entry": "shop.entries:leaves"},
    "logging": {"entry": "shop.entries:build_support", "logging": "shop.entries:raises"},
    "unflushable": {"entry": "shop.entries:build_support", "flush": "shop.entries:number"},
    "contract": {"entry": "shop.entries:build_support", "contract": "contract.toml"},
    "flush": {
        "entry": "shop.entries:build_support",
        "logging": "mlflow.langchain:autolog",
        "flush": "shop.entries:flush",
    },
}

EXPLAINED = {
    "unimportable/one": ("entry = 'shop.nowhere:build'", "ModuleNotFoundError", "pyproject.toml:", "-c 'import"),
    "unnamed/one": ("shop.entries has no 'biuld_support'", "pyproject.toml:", "it has:"),
    "number/one": ("gives builtins.int, which cannot be called", "pyproject.toml:", "compiled LangGraph graph"),
    "raising/one": ("raised ValueError: no shelf", "pyproject.toml:", "entries.py:10"),
    "leaving/one": ("raised SystemExit: no shop today", "pyproject.toml:", "entries.py:14"),
    "logging/one": ("logging = 'shop.entries:raises'", "raised ValueError: no shelf", "pyproject.toml:"),
    "unflushable/one": ("flush = 'shop.entries:number'", "is no function", "pyproject.toml:"),
    "contract/one": ("contract.toml:2", "spansx"),
    "flush/one": ("flush = 'shop.entries:flush' raised ConnectionError: the spool is gone", "pyproject.toml:"),
    "support/malformed": ("malformed.yaml:",),
    "support/misspelt": ("misspelt.yaml:3", "unknown key 'expct'", "did you mean 'expect'?"),
    "suport/one": ("suport/one.yaml", "did you mean 'support'?"),
}


@pytest.fixture(scope="module")
def outcome(new_project: Callable[[], Project]) -> Outcome:
    """One run of a project in which nearly everything is wrong."""
    project = new_project()
    project.write("shop/entries.py", ENTRIES)
    project.write("contract.toml", "schema = 1\nspansx = 3\n")
    for name, keys in BROKEN.items():
        project.add_target(name, **keys)
    project.write("golden/cases/support/malformed.yaml", "schema: 1\ninputs: {question: [\n")
    project.write("golden/cases/support/misspelt.yaml", "schema: 1\ninputs: {question: a}\nexpct: {output: 1}\n")
    project.write("golden/cases/suport/one.yaml", "schema: 1\ninputs: {question: a}\n")
    return project.run()


def test_each_broken_thing_fails_alone(outcome: Outcome) -> None:
    """The sound case passes beside twelve broken ones, and all are in the report."""
    assert outcome.code == pytest.ExitCode.TESTS_FAILED
    assert outcome.statuses.keys() == {"support/refund", *EXPLAINED}
    assert [name for name, status in outcome.statuses.items() if status == "pass"] == ["support/refund"]
    assert "12 failed, 1 passed" in outcome.screen
    assert outcome.report["problems"] == []


@pytest.mark.parametrize("case_id", EXPLAINED)
def test_each_is_explained(outcome: Outcome, case_id: str) -> None:
    """On the screen and in the report, without a traceback of the plugin's."""
    for part in EXPLAINED[case_id]:
        assert part in outcome.screen, case_id
        assert part in outcome.reasons(case_id), outcome.reasons(case_id)
    assert "harness/e2i_eval" not in outcome.screen


def test_a_flush_that_raises_keeps_the_answer(outcome: Outcome) -> None:
    """It is one finding of its case; the answer, the wire and the trace are judged as ever."""
    verdicts = {each["check"]: each["status"] for each in outcome.cases["flush/one"]["verdicts"]}

    assert [check for check, status in verdicts.items() if status not in {"pass", "skip"}] == ["flush"]
    assert verdicts["output"] == verdicts["logging"] == "pass"


def test_an_unknown_target(project: Project) -> None:
    """The flag's value is compared with the targets there are."""
    outcome = project.run("--e2i-target=suport")

    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert "--e2i-target=suport: there is no such target" in outcome.screen
    assert "did you mean 'support'?" in outcome.screen


def test_a_server_that_is_not_there(project: Project) -> None:
    """Nothing is run without a place to log to."""
    outcome = project.run("--e2i-tracking-uri=http://127.0.0.1:9")

    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert "no tracking server answers at http://127.0.0.1:9" in outcome.screen
    assert "leave --e2i-tracking-uri out" in outcome.screen
    assert outcome.report == {}


def test_an_empty_golden_folder(project: Project) -> None:
    """Nothing to evaluate is no success."""
    (project.folder / "golden/cases/support/refund.yaml").unlink()

    outcome = project.run()

    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert "there is no case file for support" in outcome.screen
    assert "golden/cases/support/first.yaml" in outcome.screen


@pytest.mark.parametrize(
    ("flag", "fix"),
    [
        ("--e2i-store=taken/store", "--e2i-store=PATH"),
        ("--e2i-store=/proc/store", "--e2i-store=temp"),
        ("--e2i-report=taken/report", "--e2i-report=DIR"),
        ("--e2i-report=/proc/report", "--e2i-report=DIR"),
    ],
)
def test_a_folder_that_cannot_be_written(project: Project, flag: str, fix: str) -> None:
    """Said before any case runs, with the flag that chooses another; nothing is left behind."""
    project.write("taken", "a file where a folder should be")

    outcome = project.run(flag)

    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert f"{flag.partition('=')[2]} cannot be written" in outcome.screen
    assert fix in outcome.screen
    assert "Traceback" not in outcome.screen
    assert list(project.temporary.glob("e2i-eval-*")) == []


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("a small file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_no_space_left(project: Project, tiny_disk: Path) -> None:
    """A full disk is called one."""
    outcome = project.run(f"--e2i-store={tiny_disk / 'store'}")

    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert "there is no space left" in outcome.screen or "database or disk is full" in outcome.screen
    assert "free some space there, or choose another folder with --e2i-store=PATH" in outcome.screen


def test_a_store_of_a_newer_mlflow(project: Project, cache: Path) -> None:
    """It is left alone."""
    store = project.folder / ".e2i" / "mlflow"
    server = TemporaryServer.start(store=store, cache=cache, environ=os.environ)
    server.wait_ready()
    server.stop()
    with closing(sqlite3.connect(store / "mlflow.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = 'f00dfeed0000'")
        database.commit()

    outcome = project.run()

    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert "was made by a newer MLflow" in outcome.screen
    assert "pip install --upgrade mlflow" in outcome.screen
    assert project.servers() == []


def test_a_damaged_template_is_built_anew(project: Project, tmp_path: Path, cache: Path) -> None:
    """A cache is never a reason to fail, and the screen says what was done about it."""
    (template,) = cache.glob("mlflow-*.db")
    damaged = tmp_path / "cache" / template.name
    damaged.parent.mkdir()
    damaged.write_bytes(template.read_bytes()[:50_000])

    outcome = project.run(env={"E2I_EVAL_CACHE": str(damaged.parent)})

    assert outcome.code == pytest.ExitCode.OK, outcome.screen
    assert f"note: the database template {damaged} was damaged and is built anew" in outcome.screen
    assert damaged.stat().st_size >= template.stat().st_size
    assert time.time() - damaged.stat().st_mtime < outcome.duration_s + 60
