"""The origin of a request: which node of which graph is asking."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from e2i_eval.core.exchange import Caller

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RequestOrigin", "current_origin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOrigin:
    """Who asks, and as which of several parallel tasks.

    Attributes:
        caller: what an exchange says about it.
        branch: 0-based index of the task among those that ``Send`` started in this step; None for any other task.
    """

    caller: Caller
    branch: int | None = None

    @property
    def siblings(self) -> tuple[str | None, int | None, str]:
        """A key shared by the tasks of one step of one graph that run the same node."""
        parent = (self.caller.namespace or "").rpartition("|")[0]
        return self.caller.node, self.caller.step, parent


def current_origin() -> RequestOrigin:
    """Return who is running in this context; nobody's origin outside a graph."""
    metadata = _metadata()
    path: tuple[object, ...] = metadata.get("langgraph_path") or ()
    caller = Caller(
        node=metadata.get("langgraph_node"),
        step=metadata.get("langgraph_step"),
        namespace=metadata.get("langgraph_checkpoint_ns"),
    )
    return RequestOrigin(caller=caller, branch=_branch(path))


def _branch(path: tuple[object, ...]) -> int | None:
    # A task made by Send has the path ("__pregel_push", index, ...); only those have an order of their own.
    kind, index, *_ = *path, None, None
    return index if kind == "__pregel_push" and isinstance(index, int) else None


def _metadata() -> Mapping[str, Any]:
    # A program that never imported langgraph has no graph running; importing it here would cost seconds.
    langgraph = sys.modules.get("langgraph.config")
    if langgraph is None:
        return {}
    try:
        config = langgraph.get_config()
    except RuntimeError:  # outside a graph
        return {}
    metadata: Mapping[str, Any] = config.get("metadata") or {}
    return metadata
