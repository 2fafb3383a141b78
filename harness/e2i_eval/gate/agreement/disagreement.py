"""A disagreement: one thing that a case did in one run and not in the other."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CaseAgreement", "Disagreement", "Kind"]

Kind = Literal[
    "absent", "verdict", "error", "output", "nodes", "calls", "tools", "stop_reasons", "unanswered", "tokens", "unknown"
]
"""``absent``: one run does not have the case. ``unanswered``: calls to Claude that got no answer. ``unknown``: what
could not be compared, which is never agreement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One difference.

    Attributes:
        kind: what differs.
        place: where, more exactly: a DeepDiff path of the output, a check, a call; may be empty.
        first: what the first run has, as text.
        second: what the second has.
        text: a sentence or a diff that explains it; may be empty.
    """

    kind: Kind
    place: str = ""
    first: str = ""
    second: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAgreement:
    """One case in both runs.

    Attributes:
        case_id: its id, with the test's where several tests evaluate it.
        target: its target.
        disagreements: empty when the runs agree on it.
        tokens: by kind of token, the second run's over the first's; absent where there is no ratio.
    """

    case_id: str
    target: str
    disagreements: tuple[Disagreement, ...] = ()
    tokens: Mapping[str, float] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether nothing differs and nothing is unknown."""
        return not self.disagreements

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {**asdict(self), "tokens": dict(self.tokens), "disagreements": [asdict(e) for e in self.disagreements]}
