"""A case verdict: what all repetitions of one case come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from e2i_eval.core.estimate import Estimate  # noqa: TC001  from_json reads the types at run time

__all__ = ["CaseVerdict", "CaseVerdictStatus"]

CaseVerdictStatus = Literal["pass", "fail", "error", "inconclusive"]
"""``error``: something could not be judged. ``inconclusive``: all was judged, and more repetitions have to decide; or a
model that was to judge did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseVerdict:
    """One case over its repetitions; for a case that runs once the status of its result.

    Attributes:
        case_id: ``<target>/<name>``.
        target: its target.
        nodeid: the pytest item.
        status: the judgement.
        reason: one sentence; empty for a case that runs once.
        repeats: how many repetitions were made; fewer than ``planned`` when it was decided earlier.
        planned: the most that were to be made.
        passed: repetitions that passed.
        failed: repetitions in which something is wrong.
        errors: repetitions that could not be judged completely.
        reduce: by which rule they count together; empty where they all have to be the same (mock, replay).
        score: the rule's number, 0 to 1 (pass rate, pass@k, pass^k); None when too few were scored for it.
        pass_rate: how often the case passes, as far as that is known; None in mock and replay, and for a single run.
        detectable_rate: a case that passes this often or less is failed at least four times in five by ``planned``
            repetitions; None where every difference is seen, or none is.
        more: how many more repetitions are likely to decide it; None when it is decided, or that cannot be known.
        cost_to_resolve_usd: what they cost; None when ``more`` is, or a price is unknown.
        fix: what to type now; empty when nothing is to be done.
    """

    case_id: str
    target: str
    nodeid: str
    status: CaseVerdictStatus
    reason: str = ""
    repeats: int = 1
    planned: int = 1
    passed: int = 0
    failed: int = 0
    errors: int = 0
    reduce: str = ""
    score: float | None = None
    pass_rate: Estimate | None = None
    detectable_rate: float | None = None
    more: int | None = None
    cost_to_resolve_usd: float | None = None
    fix: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Item and case: two tests may evaluate the same case."""
        return self.nodeid, self.case_id
