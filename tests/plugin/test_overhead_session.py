"""``--e2i-overhead`` in projects of strangers: what autolog costs, and logging that a caller would notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.conftest import Outcome, Project

MEDDLING = """
    from shop.agents import build_support


    def plain():
        return build_support()


    def chatty():
        graph = build_support()
        return lambda inputs: {**graph.invoke(inputs), "logged": True}


    def switch_on():
        import mlflow
        mlflow.langchain.autolog()
"""


@pytest.fixture(scope="module", autouse=True)
def started_warm() -> None:
    """What is measured here starts as a user's does."""


@pytest.fixture(scope="module")
def measured(new_project: Callable[[], Project]) -> Outcome:
    """Four targets: autolog as it should be, logging that changes the answer, no seam at all, and no logging."""
    project = new_project()
    project.write("meddling.py", MEDDLING)
    project.add_target("chatty", entry="meddling:chatty", plain="meddling:plain", logging="meddling:switch_on")
    project.add_target("seamless", entry="shop.agents:build_support")
    return project.run("--e2i-overhead=all", "--e2i-overhead-budget=2", "--e2i-gate=overhead_ms:<5000", "-v")


def overheads(outcome: Outcome, target: str) -> dict[str, dict[str, object]]:
    """Return a target's results by way of calling."""
    return {each["callers"]: each for each in outcome.report["overheads"] if each["target"] == target}


def test_autolog_is_measured_with_one_caller_threads_and_tasks(measured: Outcome) -> None:
    """It costs something, changes nothing, and loses nothing."""
    support = overheads(measured, "support")

    assert list(support) == ["one", "8 threads", "8 tasks"], measured.screen
    assert [each["differences"] for each in support.values()] == [[], [], []]
    assert support["one"]["overhead_ms"]["value"] > 0  # type: ignore[index]
    assert "overhead::support PASSED" in measured.screen


def test_logging_that_changes_the_answer_fails(measured: Outcome) -> None:
    """The difference is on the screen and in the report, and the session is red."""
    assert "root['output']['logged']" in measured.screen
    assert "overhead::chatty FAILED" in measured.screen
    assert any("logging is not transparent to the callers of chatty" in each for each in measured.report["problems"])
    assert measured.code == 1


def test_a_target_without_a_seam_says_what_to_configure(measured: Outcome) -> None:
    """There is no figure, and no silence either."""
    assert overheads(measured, "seamless") == {}
    assert 'add plain = "module:attribute"' in measured.screen
    assert any("the overhead of seamless is unknown" in each for each in measured.report["problems"])


def test_the_gate_reads_the_figures(measured: Outcome) -> None:
    """One decision a target; without a figure it is no pass."""
    decisions = {each["target"]: each["status"] for each in measured.report["decisions"]}

    assert decisions["support"] == "pass"
    assert decisions["seamless"] != "pass"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--e2i-overhead=suport"], "did you mean 'support'?"),
        (["--e2i-overhead=all", "--e2i-claude=live"], "measure with --e2i-claude=mock"),
        (["--e2i-overhead=all", "--e2i-overhead-budget=soon"], "is no time"),
    ],
)
def test_a_wrong_flag_is_refused_at_the_door(project: Project, flags: list[str], said: str) -> None:
    """Nothing is run."""
    outcome = project.run(*flags)

    assert outcome.code == 4
    assert said in outcome.screen
