"""An agreement: two runs of a suite in two modes, case by case."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.core.json_codec import to_json
from e2i_eval.core.stats.rates import wilson
from e2i_eval.gate.agreement.case_comparison import absent, compared
from e2i_eval.gate.runs import paired, run_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.core.estimate import Estimate
    from e2i_eval.gate.agreement.disagreement import CaseAgreement
    from e2i_eval.gate.runs import Run, RunPair
    from e2i_eval.runner.report import Report

__all__ = ["LIVE_TOLERANCE", "Agreement", "agreement_of", "token_tolerance"]

SCHEMA = 1
UNKNOWN = "unknown"
"""The mode of a run that does not name one."""

LIVE_TOLERANCE = 0.25
"""Relative; the same question asked again is answered in other words, of other length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Where two runs agree.

    Attributes:
        modes: who answered for Claude in each run.
        cases: every case of either run, by id.
        rate: share of the cases that agree, with its score interval; None when there is no case.
        tolerance: relative difference of tokens that is allowed; None when tokens are not judged.
        notes: what a reader should know, one sentence each.
    """

    modes: tuple[str, str]
    cases: tuple[CaseAgreement, ...]
    rate: Estimate | None
    tolerance: float | None
    notes: tuple[str, ...] = ()

    @property
    def disagreeing(self) -> tuple[CaseAgreement, ...]:
        """The cases that do not agree."""
        return tuple(case for case in self.cases if not case.agrees)

    @property
    def agrees(self) -> bool:
        """Whether there are cases, and all of them agree."""
        return bool(self.cases) and not self.disagreeing

    def kinds(self) -> dict[str, int]:
        """Return how many cases differ in each way, the most frequent first."""
        return dict(Counter(kind for case in self.cases for kind in {e.kind for e in case.disagreements}).most_common())

    def to_json(self) -> dict[str, object]:
        """Return the agreement as plain JSON, schema 1."""
        return {
            "schema": SCHEMA,
            "modes": list(self.modes),
            "agrees": self.agrees,
            "rate": to_json(self.rate) if self.rate else None,
            "token_tolerance": self.tolerance,
            "kinds": self.kinds(),
            "cases": [case.to_json() for case in self.cases],
            "notes": list(self.notes),
        }


def agreement_of(first: Report, second: Report, *, tolerance: float | None = None) -> Agreement:
    """Compare two runs of a suite.

    A case that only one of them has is a disagreement. The rate's interval is Wilson's (1927), which takes the cases as
    independent of each other.

    Args:
        first: one run.
        second: the other.
        tolerance: relative difference of tokens that is allowed; None for the modes' own, see ``token_tolerance``.
    """
    pair: RunPair[Run] = paired(run_of(first), run_of(second))
    modes = pair.base.mode or UNKNOWN, pair.head.mode or UNKNOWN
    allowed = token_tolerance(*modes) if tolerance is None else tolerance
    one, other = pair.base.cases, pair.head.cases
    cases = [compared(name, one[name], other[name], tolerance=allowed) for name in pair.shared]
    cases += [absent(name, one[name].target, is_first=True) for name in pair.only_base]
    cases += [absent(name, other[name].target, is_first=False) for name in pair.only_head]
    return Agreement(
        modes=modes,
        cases=tuple(sorted(cases, key=lambda case: case.case_id)),
        rate=wilson(sum(case.agrees for case in cases), len(cases)) if cases else None,
        tolerance=allowed,
        notes=tuple(_notes(pair, modes, allowed)),
    )


def token_tolerance(first: str, second: str) -> float | None:
    """Return how far tokens may differ between two modes, relative; None where they mean nothing.

    The mock counts by its script or by a rule of its own, and not as the API does. Recordings are exact.
    """
    modes = {first, second}
    if len(modes) > 1 and "mock" in modes:
        return None
    return LIVE_TOLERANCE if "live" in modes else 0.0


def _notes(pair: RunPair[Run], modes: tuple[str, str], tolerance: float | None) -> Iterator[str]:
    if tolerance is None:
        yield "tokens are shown and not judged: the mock counts them by its script or a rule of its own"
    else:
        yield f"tokens may differ by {tolerance:.0%}"
    if "live" in modes:
        yield "live answers vary from call to call: outputs may differ with nothing wrong"
    if any(case.repeats > 1 for run in (pair.base, pair.head) for case in run.cases.values()):
        yield "of repeated cases the first run is compared, and the worst verdict"
