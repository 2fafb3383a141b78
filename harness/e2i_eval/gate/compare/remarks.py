"""Remarks: how the circumstances of two runs differ, and what that leaves uncomparable."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_eval.gate.compare.side import Side
    from e2i_eval.gate.runs import RunPair

__all__ = ["gaps", "remarks", "uncomparable"]

SHOWN_CASES = 3


def uncomparable(metric: str, names: Sequence[str], pair: RunPair[Side]) -> str:
    """Return why a number cannot be compared between two runs; empty when it can."""
    base, head = pair.base, pair.head
    if not pair.is_one_mode:
        return f"{base.letter} has Claude {base.mode or 'unknown'}, {head.letter} has Claude {head.mode or 'unknown'}"
    if metric == "cost_usd" and not pair.has_one_price(names):
        before, after = (side.prices or "an unknown day" for side in (base, head))
        return f"{base.letter} has prices of {before}, {head.letter} those of {after}"
    return ""


def remarks(pair: RunPair[Side]) -> Iterator[str]:
    """Yield how two runs differ in what is not evaluated, one sentence each."""
    base, head = pair.base, pair.head
    if base.session_id and base.session_id == head.session_id:
        yield f"{base.letter} and {head.letter} are the same run"
    if base.mode != head.mode:
        yield f"{uncomparable('', (), pair)}: tokens, calls and cost are not compared"
    for key, there, here in pair.environment_changes():
        yield f"{key.removeprefix('version.')} is {there} in {base.letter} and {here} in {head.letter}"
    for side in (base, head):
        if str((side.report.session.get("git") or {}).get("dirty")) == "true":
            yield f"{side.letter} was made with uncommitted changes"
        held = sum(case.is_held for case in side.cases.values())
        if held:
            yield f"{side.letter} has {held} {'case' if held == 1 else 'cases'} in quarantine, shown and not judged"


def gaps(pair: RunPair[Side]) -> Iterator[str]:
    """Yield what keeps a comparison from saying that nothing is worse, one sentence each."""
    base, head, missing = pair.base, pair.head, pair.only_base
    if not pair.shared:
        yield f"{base.letter} and {head.letter} have no case in common"
    if missing:
        more = f" and {len(missing) - SHOWN_CASES} more" if len(missing) > SHOWN_CASES else ""
        yield f"{head.letter} has no result of {', '.join(missing[:SHOWN_CASES])}{more}"
    if why := uncomparable("", (), pair):
        yield why
    for problem in head.report.problems:
        if problem not in base.report.problems:
            yield f"{head.letter} had a problem: {problem}"
