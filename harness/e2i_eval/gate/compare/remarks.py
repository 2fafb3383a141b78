"""Remarks: how the circumstances of two runs differ, and what that leaves uncomparable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.gate.baseline.observation import same

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_eval.gate.compare.side import Side

__all__ = ["gaps", "remarks", "uncomparable"]

SHOWN_CASES = 3


def uncomparable(metric: str, names: Sequence[str], base: Side, head: Side) -> str:
    """Return why a number cannot be compared between two runs; empty when it can."""
    if base.mode != head.mode or not base.mode:
        return f"{base.letter} has Claude {base.mode or 'unknown'}, {head.letter} has Claude {head.mode or 'unknown'}"
    if metric == "cost_usd" and not _has_same_prices(names, base, head):
        before, after = (str(side.report.session.get("prices") or "an unknown day") for side in (base, head))
        return f"{base.letter} has prices of {before}, {head.letter} those of {after}"
    return ""


def _has_same_prices(names: Sequence[str], base: Side, head: Side) -> bool:
    if base.report.session.get("prices") == head.report.session.get("prices"):
        return True
    pairs = ((base.cases[name].measured, head.cases[name].measured) for name in names)
    return all(same(before.get("cost_usd"), after.get("cost_usd")) for before, after in pairs)


def remarks(base: Side, head: Side) -> Iterator[str]:
    """Yield how two runs differ in what is not evaluated, one sentence each."""
    if base.report.session.get("id") and base.report.session.get("id") == head.report.session.get("id"):
        yield f"{base.letter} and {head.letter} are the same run"
    if base.mode != head.mode:
        yield f"{uncomparable('', (), base, head)}: tokens, calls and cost are not compared"
    there, here = base.report.environment, head.report.environment
    for key in sorted(there.keys() | here.keys()):
        if there.get(key) != here.get(key):
            name = key.removeprefix("version.")
            was, now = there.get(key) or "absent", here.get(key) or "absent"
            yield f"{name} is {was} in {base.letter} and {now} in {head.letter}"
    for side in (base, head):
        if str((side.report.session.get("git") or {}).get("dirty")) == "true":
            yield f"{side.letter} was made with uncommitted changes"
        held = sum(case.is_held for case in side.cases.values())
        if held:
            yield f"{side.letter} has {held} {'case' if held == 1 else 'cases'} in quarantine, shown and not judged"


def gaps(base: Side, head: Side) -> Iterator[str]:
    """Yield what keeps a comparison from saying that nothing is worse, one sentence each."""
    if not base.cases.keys() & head.cases.keys():
        yield f"{base.letter} and {head.letter} have no case in common"
    missing = sorted(base.cases.keys() - head.cases.keys())
    if missing:
        more = f" and {len(missing) - SHOWN_CASES} more" if len(missing) > SHOWN_CASES else ""
        yield f"{head.letter} has no result of {', '.join(missing[:SHOWN_CASES])}{more}"
    if base.mode != head.mode or not base.mode:
        yield uncomparable("", (), base, head)
    yield from (
        f"{head.letter} had a problem: {problem}"
        for problem in head.report.problems
        if problem not in base.report.problems
    )
