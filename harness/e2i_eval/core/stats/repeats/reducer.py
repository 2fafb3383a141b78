"""A reducer: the rule by which the repetitions of a case count together when Claude answers freely.

``all``, ``mean:GOOD[:BAD]``, ``pass@K[:GOOD[:BAD]]``, ``pass^K[:GOOD[:BAD]]``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from e2i_eval.core.errors import UsageError
from e2i_eval.core.stats.reducers import mean, pass_at_k, pass_hat_k
from e2i_eval.core.stats.repeats.stopping import AllPass, OnePasses
from e2i_eval.core.stats.sequential import RateTest

if TYPE_CHECKING:
    from e2i_eval.core.stats.repeats.stopping import RepeatRule

__all__ = ["ALL_PASS", "ALPHA", "BETA", "Reducer", "ReducerKind", "parse_reducer"]

ReducerKind = Literal["all", "mean", "pass@", "pass^"]
"""``mean``: the share that passes. ``pass@``: one of k attempts passes. ``pass^``: all of k attempts do."""

ALPHA = 0.01
"""How often a case that passes as often as demanded may be failed: a session has hundreds of cases."""

BETA = 0.05
"""How often a case that passes too rarely may be passed."""

TOLERANCE = 0.2
"""How far below the demanded pass rate a case must fail, unless the reducer sets it; see ``_bad``."""

GRAMMAR = re.compile(
    r"(?P<kind>all|mean|pass@|pass\^)(?P<k>\d+)?(:(?P<good>\d+(\.\d+)?))?(:(?P<bad>\d+(\.\d+)?))?", re.ASCII
)
FIX = "write all, mean:0.9, pass@3 or pass^3; mean:0.9:0.7 says from where on it must fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reducer:
    """A rule that makes one verdict of many.

    Attributes:
        text: as the user wrote it.
        kind: which number is judged.
        k: attempts, of ``pass@`` and ``pass^``.
        good: the number that is demanded, above 0 to 1.
        bad: at this number and below it must fail; None takes a pass rate .2 below the demanded one,
            but not less than half of it.
    """

    text: str
    kind: ReducerKind
    k: int = 1
    good: float = 1.0
    bad: float | None = None

    def score(self, passed: int, scored: int) -> float | None:
        """Return the number that is judged, 0 to 1; None when too few were scored for it."""
        if self.kind == "pass@":
            return pass_at_k(passed, scored, self.k)
        return pass_hat_k(passed, scored, self.k) if self.kind == "pass^" else mean(passed, scored)

    def rule(self, planned: int) -> RepeatRule:
        """Return when it is decided.

        A demand of 1 is about the repetitions themselves, and they are counted.
        A demand below is about the rate behind them, which a sequential test decides; pass@k and pass^k
        grow with the pass rate of one attempt, so the demand is turned into one on that.

        Args:
            planned: the most repetitions that are made.
        """
        if self.good < 1:
            good = self._rate(self.good)
            return RateTest(good=good, bad=self._bad(good), alpha=ALPHA, beta=BETA)
        if self.kind == "pass@":
            return OnePasses(k=self.k, planned=planned)
        return AllPass(needed=max(self.k, planned))

    def _bad(self, good: float) -> float:
        return max(good - TOLERANCE, good / 2) if self.bad is None else self._rate(self.bad)

    def _rate(self, demanded: float) -> float:
        """Return the pass rate of one attempt at which the judged number is ``demanded``."""
        if self.kind == "pass@":
            return 1 - float((1 - demanded) ** (1 / self.k))
        return float(demanded ** (1 / self.k)) if self.kind == "pass^" else demanded


ALL_PASS = Reducer(text="all", kind="all")


def parse_reducer(text: str, *, where: str) -> Reducer:
    """Read a reducer.

    Args:
        text: as the user wrote it.
        where: ``file:line`` of it.

    Raises:
        UsageError: it is none, or one that demands nothing or the impossible.
    """
    match = GRAMMAR.fullmatch(text)
    if match is None:
        raise _error(text, "is none", where)
    kind: ReducerKind = match["kind"]  # type: ignore[assignment]  # the grammar allows no other
    _refuse_parts(text, match, where)
    reducer = Reducer(
        text=text,
        kind=kind,
        k=int(match["k"] or 1),
        good=float(match["good"] or 1),
        bad=float(match["bad"]) if match["bad"] else None,
    )
    if not 0 < reducer.good <= 1:
        raise _error(text, "demands a number that is not above 0 and up to 1", where)
    if reducer.bad is not None and not 0 < reducer.bad < reducer.good < 1:
        raise _error(text, "must fail from a number above 0 and below the demanded one, which is below 1", where)
    return reducer


def _refuse_parts(text: str, match: re.Match[str], where: str) -> None:
    """Refuse a number too many or too few."""
    has_k = match["kind"] in {"pass@", "pass^"}
    if has_k and not int(match["k"] or 0):
        raise _error(text, "lacks the number of attempts", where)
    if not has_k and match["k"]:
        raise _error(text, f"has a number of attempts, which {match['kind']} does not take", where)
    if match["kind"] == "all" and match["good"]:
        raise _error(text, "has a demand, which all does not take", where)
    if match["kind"] == "mean" and not match["good"]:
        raise _error(text, "lacks the pass rate that is demanded", where)


def _error(text: str, what: str, where: str) -> UsageError:
    return UsageError(f"the reducer {text!r} {what}", where=where, fix=FIX)
