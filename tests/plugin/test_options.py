"""Flags, ini options and TOML keys, and pytest's own ways of choosing and running."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.conftest import Outcome, Project

SPY = """
import json, pathlib

def pytest_collection_finish(session):
    settings = session.config.pluginmanager.get_plugin("e2i_eval_evaluation").settings
    seen = {name: str(getattr(settings, name)) for name in ("claude", "only", "store", "report", "tracking_uri")}
    pathlib.Path("seen.json").write_text(json.dumps(seen))
"""

TOML = """
[tool.e2i_eval]
claude = "live"
store = "toml/store"
report = "toml/report"

[tool.e2i_eval.targets.other]
entry = "shop.agents:build_support"
"""

INI = """
[pytest]
e2i_eval = true
e2i_claude = mock
e2i_store = ini/store
e2i_report = ini/report
e2i_target = other support
e2i_tracking_uri = http://127.0.0.1:1
"""

FLAGS = (
    "--e2i-claude=live",
    "--e2i-store=flag/store",
    "--e2i-report=flag/report",
    "--e2i-target=other",
    "--e2i-tracking-uri=http://127.0.0.1:2",
)

WRONG = "schema: 1\ninputs: {question: a}\nclaude: [{text: b, times: 3}]\nexpect: {output: wrong}\n"


@pytest.fixture(scope="module")
def spied(new_project: Callable[[], Project]) -> Project:
    """A project that writes down the settings it is evaluated with."""
    project = new_project()
    project.configure(TOML)
    project.write("golden/cases/other/one.yaml", project.refund)
    project.write("conftest.py", SPY)
    return project


def settings(project: Project, *args: str, enable: bool = True) -> dict[str, Any]:
    """Return the settings of a run that only lists, paths relative to the project."""
    outcome = project.run("--co", "-q", "-p", "no:cacheprovider", *args, enable=enable)
    assert outcome.code == pytest.ExitCode.OK, outcome.screen
    seen: dict[str, str] = json.loads((project.folder / "seen.json").read_text())
    return {name: value.removeprefix(f"{project.folder}/") for name, value in seen.items()}


def test_toml_then_ini_then_flag(spied: Project) -> None:
    """Each option in each place; the place that is nearer to the user wins."""
    toml = settings(spied)
    spied.write("pytest.ini", INI)
    ini = settings(spied, enable=False)
    flag = settings(spied, *FLAGS)
    nothing_written = spied.files()

    assert toml == {
        "claude": "live",
        "only": "()",
        "store": "toml/store",
        "report": "toml/report",
        "tracking_uri": "None",
    }
    assert ini == {
        "claude": "mock",
        "only": "('other', 'support')",
        "store": "ini/store",
        "report": "ini/report",
        "tracking_uri": "http://127.0.0.1:1",
    }
    assert flag == {
        "claude": "live",
        "only": "('other',)",
        "store": "flag/store",
        "report": "flag/report",
        "tracking_uri": "http://127.0.0.1:2",
    }
    assert {path.partition("/")[0] for path in nothing_written} <= {
        "conftest.py",
        "golden",
        "pyproject.toml",
        "pytest.ini",
        "seen.json",
        "shop",
    }


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        (("--collect-only",), "<CaseItem support/refund>"),
        (("--fixtures",), "evaluate"),
        (("--markers",), "@pytest.mark.e2i(target)"),
        (("--help",), "--e2i-tracking-uri=URI"),
        (("--setup-plan",), "support/refund"),
    ],
)
def test_a_listing_starts_and_writes_nothing(project: Project, args: tuple[str, ...], shown: str) -> None:
    """Listing needs no server, no store and no report; it is over as fast as it is without us."""
    before = project.files()

    outcome = project.run(*args, "-p", "no:cacheprovider")

    assert outcome.code == pytest.ExitCode.OK, outcome.screen
    assert shown in outcome.screen
    assert "Traceback (most recent call last)" not in outcome.screen
    assert "127.0.0.1" not in outcome.screen
    assert project.files() == before
    assert list(project.temporary.iterdir()) == []


@pytest.fixture(scope="module")
def mixed(new_project: Callable[[], Project]) -> Project:
    """Four cases of two targets, one of them wrong, an evaluation in Python, and a test beside them."""
    project = new_project()
    toml = project.folder / "pyproject.toml"
    project.write("pyproject.toml", toml.read_text() + '\n[tool.pytest.ini_options]\ntestpaths = ["tests"]\n')
    project.write(
        "tests/test_plain.py", "def test_plain():\n    raise AssertionError('plain tests are for plain runs')\n"
    )
    logging = "mlflow.langchain:autolog"
    project.add_target("a", entry="shop.agents:build_support", logging=logging, case=WRONG)
    project.write("golden/cases/a/two.yaml", project.refund)
    project.write("golden/cases/support/second.yaml", project.refund)
    project.write(
        "evals/test_a.py",
        'import pytest\n@pytest.mark.e2i("a")\ndef test_a(evaluate):\n    assert evaluate\n',
    )
    return project


@pytest.fixture(scope="module")
def serial(mixed: Project) -> Outcome:
    """All of it in one process."""
    return mixed.run()


@pytest.mark.usefixtures("cold_python")
def test_one_session_under_xdist(mixed: Project, serial: Outcome) -> None:
    """The same verdicts, one report, one run of the session, no case twice, no store left."""
    outcome = mixed.run("-n", "2", "--e2i-store=temp", "--e2i-report=parallel", report="parallel")

    assert outcome.code == serial.code == pytest.ExitCode.TESTS_FAILED
    assert outcome.statuses == serial.statuses
    assert "plain tests are for plain runs" not in serial.screen + outcome.screen
    assert len(outcome.report["cases"]) == len(serial.report["cases"]) == 4
    assert outcome.report["problems"] == []
    assert outcome.report["targets"].keys() == {"a", "support"}
    assert {path for path in mixed.files() if path.startswith("parallel")} == {
        f"parallel/report.{kind}" for kind in ("html", "json", "md")
    }
    assert "the store was temporary" in outcome.screen
    assert list(mixed.temporary.glob("e2i-eval-*")) == []


def test_the_store_has_one_tree_of_runs(mixed: Project, serial: Outcome) -> None:
    """A session, two targets, four cases; nothing is left open."""
    with closing(sqlite3.connect(mixed.folder / ".e2i/mlflow/mlflow.db")) as database:
        runs = database.execute(
            "SELECT value, status FROM runs JOIN tags USING (run_uuid) WHERE key = 'e2i.level'"
        ).fetchall()

    assert serial.report["session"]["store"] == str(mixed.folder / ".e2i/mlflow")
    assert sorted(level for level, _ in runs) == ["case"] * 4 + ["session"] + ["target"] * 2
    assert {status for _, status in runs} == {"FINISHED", "FAILED"}


def test_chosen_target_first_failure_last_failure(mixed: Project, serial: Outcome) -> None:
    """``--e2i-target`` leaves the others out, ``-x`` says what it left out, ``--lf`` finds the case again."""
    first = mixed.run("--e2i-target=a", "-x", "--e2i-store=temp")
    again = mixed.run("--co", "-q", "--lf")

    assert serial.statuses["a/one"] == "fail"
    assert first.statuses == {"a/one": "fail"}
    assert first.code == pytest.ExitCode.TESTS_FAILED
    assert first.report["problems"] == ["2 of 3 tests did not run to their end: they have no result here"]
    assert again.screen.split()[0] == "golden/cases/a/one.yaml::a/one"
    assert "1 test collected" in again.screen or "1/" in again.screen


def test_node_id_and_keyword(mixed: Project, serial: Outcome) -> None:
    """A case is chosen by the id that pytest prints, and by its tag."""
    chosen = "golden/cases/support/second.yaml::support/second"
    outcome = mixed.run("--co", "-q", "-k", "smoke", chosen, "golden/cases/a/one.yaml")

    assert serial.cases["support/second"]["nodeid"] == chosen
    assert outcome.screen.split()[0] == chosen
    assert "1/2 tests collected (1 deselected)" in outcome.screen


def test_other_targets_in_python_are_left_out(mixed: Project) -> None:
    """A marked test belongs to its target."""
    outcome = mixed.run("--co", "-q", "--e2i-target=support")

    assert "test_a" not in outcome.screen
    assert "2/3 tests collected (1 deselected)" in outcome.screen
