"""What a run does differently from a baseline, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.core.json_value import JsonValue

__all__ = ["BaselineChange", "BaselineDiff", "CaseDiff", "ChangeKind"]

ChangeKind = Literal["status", "measurement", "path", "call", "prompt", "stability"]
"""``status``: a verdict flipped. ``measurement``: a number of ``EXACT``. ``path``: nodes, loops, or the error raised.
``call``: a call came, went, or has other model, tools, stop reason, tokens. ``prompt``: what Claude was asked.
``stability``: repetitions of the case in this run do not agree with each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineChange:
    """One difference in one case.

    Attributes:
        kind: what it is about.
        metric: ``status``, ``pass_rate``, ``behaviour``, a name of ``EXACT``, ``nodes``, ``loops``, ``error``,
            ``call``, ``prompt``, ``model``, ``tools``, ``stop_reason``, ``requests``.
        before: the accepted value; None when there was none.
        after: this run's value; None when there is none.
        call: which call to Claude, for a person (``call 2 (narrate)``); empty when the whole case is meant.
        lines: a unified diff of the prompt or of the nodes; empty when the two values are enough.
    """

    kind: ChangeKind
    metric: str
    before: JsonValue
    after: JsonValue
    call: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDiff:
    """One case that is in the baseline and in the run, whether it changed or not.

    Attributes:
        case_id: ``<target>/<name>``, followed by the test's id where one case was evaluated by several tests.
        target: its target.
        before: accepted measurements by name (those of ``EXACT`` that were known, and ``pass_rate``).
        after: this run's, likewise; means over repetitions.
        changes: what differs; empty when nothing does.
    """

    case_id: str
    target: str
    before: Mapping[str, float]
    after: Mapping[str, float]
    changes: tuple[BaselineChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineDiff:
    """A run against a baseline.

    Attributes:
        baseline: the baseline's name.
        cases: every case that is on both sides, by id.
        missing: ids of cases that are in the baseline and not in the run.
        added: ids of cases that are in the run and not in the baseline.
        incomparable: why a metric cannot be compared at all, by its name: another mode, other prices; such a metric
            has no changes in ``cases``, and whoever gates on it must not take that for agreement.
        notes: what a reader should know (another platform, other versions), one sentence each.
    """

    baseline: str
    cases: tuple[CaseDiff, ...]
    missing: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    incomparable: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[CaseDiff, ...]:
        """The cases that differ."""
        return tuple(case for case in self.cases if case.changes)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing differs; a metric that cannot be compared is a difference too."""
        return not (self.changed or self.missing or self.added or self.incomparable)

    def of_target(self, target: str) -> tuple[CaseDiff, ...]:
        """Return the cases of one target that are on both sides."""
        return tuple(case for case in self.cases if case.target == target)
