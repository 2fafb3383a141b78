"""What the harness reads from a graph is what its builder wrote."""

from __future__ import annotations

from e2i.agents.explainer.agent import build as build_explainer
from e2i.agents.orchestrator.agent import build as build_orchestrator
from e2i_eval.checks.coverage.reading import read_graph

EXPLAINER = [
    "nodes load",
    "nodes gather",
    "nodes reconcile",
    "nodes explain",
    "nodes decline",
    "edges START → load",
    "edges gather → reconcile",
    "edges explain → END",
    "edges decline → END",
    "branches load → gather (after_load)",
    "branches load → decline (after_load)",
    "branches reconcile → explain (after_reconcile)",
    "branches reconcile → decline (after_reconcile)",
]
"""Copied by hand from its agent.py."""


def test_the_explainers_parts_are_those_of_its_file() -> None:
    """All of them, in order, and nothing else."""
    assert [f"{part.kind} {part.name}" for part in read_graph(build_explainer()).parts] == EXPLAINER


def test_the_orchestrators_fan_out_is_a_branch() -> None:
    """The agents it asks are built while a node runs, so they are no parts of it."""
    names = {part.name for part in read_graph(build_orchestrator()).parts}

    assert {"classify → work (fan_out)", "classify → decline (fan_out)"} <= names
    assert not any(name.startswith("work/") for name in names)
