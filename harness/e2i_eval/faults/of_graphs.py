"""Faults of graphs: a node more, a node less, a node twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.faults.fault_list import FaultList
from e2i_eval.faults.graphs import with_extra_node, with_loop, without_node
from e2i_eval.faults.needs import nodes_are_judged

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from e2i_eval.faults.control_run import ControlRun
    from e2i_eval.faults.fault import Target

__all__ = ["GRAPH_FAULTS"]

EXACT = nodes_are_judged("strict", "unordered", "superset")

GRAPH_FAULTS = FaultList(kind="behaviour", place="agent", checks=("nodes",))
"""Each is a change of the compiled graph."""


@GRAPH_FAULTS.call(
    "node-added",
    "The graph runs a node more.",
    source="own",
    says="one_more",
    needs=(EXACT,),
)
def add_node(function: Target, control_run: ControlRun, applied: Callable[[], None]) -> Target:
    """Run one node more."""
    return _applied(with_extra_node(function, control_run.nodes), function, applied)


@GRAPH_FAULTS.call(
    "node-skipped",
    "The graph leaves a node out.",
    source="own: refuters or guards behind a condition that became false",
    needs=(nodes_are_judged("strict", "unordered", "subset"),),
)
def skip_node(function: Target, control_run: ControlRun, applied: Callable[[], None]) -> Target:
    """Leave a node out."""
    return _applied(without_node(function, _between(control_run)), function, applied)


@GRAPH_FAULTS.call(
    "node-loops",
    "A node runs twice.",
    source="own: a condition that goes back once too often",
    needs=(EXACT,),
)
def loop_once(function: Target, control_run: ControlRun, applied: Callable[[], None]) -> Target:
    """Run a node again."""
    return _applied(with_loop(function, _between(control_run)), function, applied)


def _between(control_run: ControlRun) -> Collection[str]:
    """Return the nodes that do not ask Claude, whose answers are counted; those in the middle first."""
    quiet = [node for node in control_run.nodes if node not in control_run.asked_nodes()]
    return (*quiet[1:], *quiet[:1])


def _applied(edited: Target | None, function: Target, applied: Callable[[], None]) -> Target:
    if edited is None:
        return function
    applied()
    return edited
