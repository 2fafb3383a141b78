"""What came of applying faults: trials, controls, and the fault-injection result they make up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from e2i_eval.core.json_codec import to_json

if TYPE_CHECKING:
    from e2i_eval.core.estimate import Estimate

__all__ = ["Control", "InjectionResult", "Outcome", "Trial"]

Outcome = Literal["caught", "caught elsewhere", "survived", "not covered"]
"""``caught``: by a check the catalogue names, for the reason it names. ``caught elsewhere``: only by others.
``not covered``: no case to which it applies, so nothing is known of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One fault applied to one case.

    Attributes:
        fault: its name.
        kind: its class.
        target: the target; empty when it was applied to none.
        case_id: the case; empty likewise.
        outcome: what came of it.
        expected: the checks one of which must fail.
        caught_by: the checks that failed, in the order they were made.
        reason: what the catching check said first, or why nothing is known; one sentence.
        duration_s: of the broken evaluation.
    """

    fault: str
    kind: str
    outcome: Outcome
    expected: tuple[str, ...]
    target: str = ""
    case_id: str = ""
    caught_by: tuple[str, ...] = ()
    reason: str = ""
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One evaluation with nothing broken.

    Attributes:
        case_id: the case.
        alarms: the checks that failed all the same; empty is right.
        reason: what the first of them said.
        after: the fault that had been applied just before; empty for a case's first evaluation.
    """

    case_id: str
    alarms: tuple[str, ...] = ()
    reason: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionResult:
    """All trials and controls of one run.

    Attributes:
        trials: in the order of the catalogue, repetitions side by side.
        controls: evaluations with nothing broken.
        kill_rate: share of the applied faults that some check caught, with its 95 % interval; None when none was
            applied.
        duration_s: of the whole.
    """

    trials: tuple[Trial, ...]
    controls: tuple[Control, ...]
    kill_rate: Estimate | None
    duration_s: float

    @property
    def applied(self) -> tuple[Trial, ...]:
        """The trials that changed something."""
        return tuple(trial for trial in self.trials if trial.outcome != "not covered")

    @property
    def survivors(self) -> tuple[Trial, ...]:
        """The trials no check noticed."""
        return tuple(trial for trial in self.trials if trial.outcome == "survived")

    @property
    def caught_elsewhere(self) -> tuple[Trial, ...]:
        """The trials that only other checks noticed than the catalogue names."""
        return tuple(trial for trial in self.trials if trial.outcome == "caught elsewhere")

    @property
    def not_covered(self) -> tuple[Trial, ...]:
        """The faults that no case could be broken by."""
        return tuple(trial for trial in self.trials if trial.outcome == "not covered")

    @property
    def false_alarms(self) -> tuple[Control, ...]:
        """The controls in which a check failed although nothing was broken."""
        return tuple(control for control in self.controls if control.alarms)

    @property
    def holds(self) -> bool:
        """Tell whether something was applied, all of it was caught, and nothing else was."""
        return bool(self.applied) and not self.survivors and not self.false_alarms

    def to_json(self) -> dict[str, object]:
        """Return the fault-injection result as plain JSON, schema 1."""
        return {
            "schema": 1,
            "holds": self.holds,
            "kill_rate": None if self.kill_rate is None else to_json(self.kill_rate),
            "duration_s": round(self.duration_s, 3),
            "trials": [asdict(trial) for trial in self.trials],
            "controls": [asdict(control) for control in self.controls],
        }
