"""The scope of a gate: which part of a project a session was to run; a gate must know what it has not seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from e2i_eval.core.decision import ALL_TARGETS

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = ["GateScope"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateScope:
    """What was to run. It crosses from xdist's workers to the controller as JSON.

    Attributes:
        expected: ids of the cases that were to run, as far as they are known before they do.
        left_out: for a target, how many of its evaluations were collected and not selected.
        narrowed: why not everything was collected (``paths on the command line``); empty when everything was.
        rules: names of the gate's items that were selected.
        dropped: how many of the gate's items were not.
    """

    expected: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    narrowed: str = ""
    rules: tuple[str, ...] = ()
    dropped: int = 0

    def partial(self, target: str) -> str:
        """Say why this session has only a part of a target (``all``: of any); empty when it has all of it."""
        left_out = sum(self.left_out.values()) if target == ALL_TARGETS else self.left_out.get(target, 0)
        if left_out:
            return f"{left_out} of its evaluations were not selected"
        return self.narrowed

    def of(self, target: str) -> tuple[str, ...]:
        """Return the ids of the target's cases that were to run."""
        return tuple(each for each in self.expected if target in {each.partition("/")[0], ALL_TARGETS})
