"""Faults of graphs: a node more, a node less, a node twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.faults.fault import Fault
from e2i_eval.faults.graphs import with_extra_node, with_loop, without_node
from e2i_eval.faults.needs import (
    nodes_are_judged,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.faults.control_run import ControlRun

__all__ = ["GRAPH_FAULTS"]


def add_node(
    function: Callable[[JsonObject], object], control_run: ControlRun, applied: Callable[[], None]
) -> Callable[[JsonObject], object]:
    """Run one node more."""
    return _applied(with_extra_node(function, control_run.nodes), function, applied)


def skip_node(
    function: Callable[[JsonObject], object], control_run: ControlRun, applied: Callable[[], None]
) -> Callable[[JsonObject], object]:
    """Leave a node out."""
    return _applied(without_node(function, _between(control_run)), function, applied)


def loop_once(
    function: Callable[[JsonObject], object], control_run: ControlRun, applied: Callable[[], None]
) -> Callable[[JsonObject], object]:
    """Run a node again."""
    return _applied(with_loop(function, _between(control_run)), function, applied)


def _between(control_run: ControlRun) -> Collection[str]:
    """Return the nodes that do not ask Claude, whose answers are counted; those in the middle first."""
    quiet = [node for node in control_run.nodes if node not in control_run.asked_nodes()]
    return (*quiet[1:], *quiet[:1])


def _applied(
    edited: Callable[[JsonObject], object] | None,
    function: Callable[[JsonObject], object],
    applied: Callable[[], None],
) -> Callable[[JsonObject], object]:
    if edited is None:
        return function
    applied()
    return edited


EXACT = nodes_are_judged("strict", "unordered", "superset")

GRAPH_FAULTS = (
    Fault(
        name="node-added",
        kind="behaviour",
        place="agent",
        summary="The graph runs a node more.",
        source="own",
        checks=("nodes",),
        tells="one_more",
        needs=(EXACT,),
        call=add_node,
    ),
    Fault(
        name="node-skipped",
        kind="behaviour",
        place="agent",
        summary="The graph leaves a node out.",
        source="own: refuters or guards behind a condition that became false",
        checks=("nodes",),
        needs=(nodes_are_judged("strict", "unordered", "subset"),),
        call=skip_node,
    ),
    Fault(
        name="node-loops",
        kind="behaviour",
        place="agent",
        summary="A node runs twice.",
        source="own: a condition that goes back once too often",
        checks=("nodes",),
        needs=(EXACT,),
        call=loop_once,
    ),
)
"""Each is a change of the compiled graph."""
