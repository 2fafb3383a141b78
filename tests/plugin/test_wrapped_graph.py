"""A target that calls its graph from within is covered as the graph itself is, once it is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.conftest import Outcome, Project

WRAPPERS = {
    "desk": {"entry": "shop.desk:Desk.answer", "graph": "shop.desk:Desk.graph", "logging": "mlflow.langchain:autolog"},
    "thread": {"entry": "shop.desk:answer_in_a_thread", "graph": "shop.agents:build_support"},
    "unnamed": {"entry": "shop.desk:Desk.answer"},
    "broken": {"entry": "shop.desk:Desk.answer", "graph": "shop.graphs:raises"},
}
GRAPHS = """
def raises():
    raise ValueError("no graph today")
"""


@pytest.fixture(scope="module")
def outcome(new_project: Callable[[], Project]) -> Outcome:
    """One run of the graph itself, and of what calls it."""
    project = new_project()
    project.write("shop/graphs.py", GRAPHS)
    for name, keys in WRAPPERS.items():
        project.add_target(name, **keys)
    return project.run()


def coverage(outcome: Outcome, target: str) -> dict[str, Any]:
    """Return what the report says of a target's graph."""
    (found,) = [each for each in outcome.report["coverage"] if each["target"] == target]
    return {key: value for key, value in found.items() if key != "target"}


def test_it_is_covered_like_the_graph(outcome: Outcome) -> None:
    """Part for part, by the same witnesses."""
    itself = coverage(outcome, "support")

    assert itself["counts"]["nodes"] == {"exercised": 3, "declared": 3}
    assert coverage(outcome, "desk") == itself


def test_it_is_heard_in_a_thread_of_its_own(outcome: Outcome) -> None:
    """Nodes, edges and branches ran as often as in the graph itself, whatever showed it."""
    runs = [[part[:3] for part in coverage(outcome, name)["parts"]] for name in ("support", "thread")]

    assert runs[0] == runs[1]


def test_a_graph_that_is_not_named_is_not_covered(outcome: Outcome) -> None:
    """As before, and said."""
    assert coverage(outcome, "unnamed")["why_none"] == "it is a plain callable, no LangGraph graph"


def test_a_function_that_breaks_fails_its_cases(outcome: Outcome) -> None:
    """As an entry does that cannot be built."""
    assert "graph = 'shop.graphs:raises' of target 'broken' raised ValueError: no graph today" in outcome.screen
    assert outcome.statuses["broken/one"] == "error"


def test_a_wrong_graph_stops_everything(project: Project) -> None:
    """Before a case runs: with target, value, line and nearest name."""
    project.configure('graph = "shop.agents:bild_support"')

    outcome = project.run()

    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert "pyproject.toml:9: graph = 'shop.agents:bild_support' of target 'support'" in outcome.screen
    assert "did you mean 'build_support'?" in outcome.screen
