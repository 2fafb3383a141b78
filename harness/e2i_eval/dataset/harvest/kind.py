"""The kind of behaviour a candidate shows: what a sample must have each of."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.dataset.harvest.answer import HarvestedMessage

if TYPE_CHECKING:
    from e2i_eval.dataset.harvest.candidate import Candidate

__all__ = ["Kind", "kind_of"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Kind:
    """What two candidates share when one of them is as informative as both.

    Attributes:
        target: name of the target.
        path: the nodes that ran with how often each did, sorted: parallel branches end in another order every time.
        tools: the tools that were called, each once, sorted.
        outcome: ``ok``, or the class of the error the target raised.
        ends: how the calls to Claude ended, with their numbers: stop reasons, and what failed.
        tokens: power of ten of all tokens; -1 when there are none.
    """

    target: str
    path: tuple[str, ...]
    tools: tuple[str, ...]
    outcome: str
    ends: tuple[str, ...]
    tokens: int

    def __str__(self) -> str:
        parts = [self.target, self.outcome, f"{len(self.path)} nodes", "+".join(self.tools), "+".join(self.ends)]
        return " · ".join(part for part in parts if part)


def kind_of(candidate: Candidate) -> Kind:
    """Return the kind of behaviour of ``candidate``."""
    return Kind(
        target=candidate.target,
        path=tuple(f"{name}*{times}" for name, times in sorted(Counter(candidate.nodes).items())),
        tools=tuple(sorted(set(candidate.tools))),
        outcome=candidate.error.type if candidate.error else "ok",
        ends=tuple(sorted(set(_ends(candidate)))),
        tokens=_bucket(candidate),
    )


def _ends(candidate: Candidate) -> list[str]:
    found = []
    for call in candidate.calls:
        answer = call.answer
        if isinstance(answer, HarvestedMessage):
            found.append(answer.stop_reason or "unknown")
        elif answer is not None:
            found.append(str(answer.status or answer.kind or "error"))
    return found


def _bucket(candidate: Candidate) -> int:
    said = (call.answer.usage or {} for call in candidate.calls if isinstance(call.answer, HarvestedMessage))
    tokens = sum(int(value) for usage in said for name, value in usage.items() if name.endswith("_tokens"))
    return int(math.log10(tokens)) if tokens > 0 else -1
