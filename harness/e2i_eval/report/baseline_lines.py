"""A baseline, and what a run does differently from it, as lines of text."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from e2i_eval.report import numbers
from e2i_eval.report.blocks import Cell, Code, Column, Row, Table
from e2i_eval.report.terminal import terminal_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from e2i_eval.gate.baseline import Baseline, BaselineChange, BaselineDiff, CaseDiff

__all__ = ["baseline_lines", "diff_lines"]

SHOWN_LINES = 40
SHOWN_CASES = 3
NUMBERS = ("cases", "passed", "calls", "tokens in", "out")
SUMMED = ("claude_calls", "input_tokens", "output_tokens")
DATE_CHARS = 10
COMMIT_CHARS = 7
ABSENT = "none"


def baseline_lines(baseline: Baseline) -> Iterator[str]:
    """Yield what a baseline is, and a line a target."""
    acceptance = baseline.acceptance
    dirty = " with uncommitted changes" if acceptance.is_dirty else ""
    commit = f", commit {acceptance.commit[:COMMIT_CHARS]}{dirty}" if acceptance.commit else ""
    yield f"baseline {baseline.name}: accepted {acceptance.at[:DATE_CHARS]}{commit}: {acceptance.reason}"
    yield f"session {acceptance.session}, MLflow run {acceptance.run_id or ABSENT}"
    yield f"Claude: {baseline.mode} · prices of {baseline.prices or 'an unknown date'}"
    yield ", ".join(f"{name.removeprefix('version.')} {value}" for name, value in baseline.environment.items())
    yield ""
    columns = (Column("target"), *(Column(name, is_number=True) for name in NUMBERS))
    targets = sorted({case.target for case in baseline.cases.values()})
    yield from terminal_text([Table(columns, tuple(_row(baseline, target) for target in targets))])


def _row(baseline: Baseline, target: str) -> Row:
    cases = [case for case in baseline.cases.values() if case.target == target]
    passed = sum(case.status == "pass" for case in cases)
    sums = (sum(case.measured.get(name, 0) for case in cases) for name in SUMMED)
    return Row((Cell(Code(target)), *(Cell(numbers.count(number)) for number in (len(cases), passed, *sums))))


def diff_lines(diff: BaselineDiff) -> Iterator[str]:
    """Yield what differs: prompts and paths once for all cases they changed in, then the numbers case by case."""
    changed = diff.changed
    count = "nothing" if not changed else f"{len(changed)} cases" if len(changed) > 1 else "1 case"
    yield f"baseline {diff.baseline}: {len(diff.cases)} cases compared, {count} changed"
    yield from (f"not compared: {metric}: {why}" for metric, why in _by_reason(diff.incomparable.items()))
    yield from (f"note: {note}" for note in diff.notes)
    yield from _named("in the baseline and not in this run", diff.missing)
    yield from _named("in this run and not in the baseline", diff.added)
    yield from _texts(changed)
    yield from _numbers(changed)


def _by_reason(reasons: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    metrics: dict[str, list[str]] = defaultdict(list)
    for metric, why in reasons:
        metrics[why].append(metric)
    return ((", ".join(names), why) for why, names in metrics.items())


def _named(what: str, case_ids: Sequence[str]) -> Iterator[str]:
    if case_ids:
        yield f"{len(case_ids)} {what}:"
        yield from (f"  {case_id}" for case_id in case_ids)


def _texts(changed: Iterable[CaseDiff]) -> Iterator[str]:
    """Yield each diff of a text once, with the cases it was found in."""
    found: dict[tuple[str, tuple[str, ...]], list[tuple[CaseDiff, BaselineChange]]] = defaultdict(list)
    for case in changed:
        for change in case.changes:
            if change.lines:
                same = tuple(line for line in change.lines if not line.startswith("@@"))
                found[change.metric, same].append((case, change))
    for (metric, _), places in sorted(found.items(), key=lambda each: -len(each[1])):
        lines = places[0][1].lines
        yield ""
        yield f"{metric} of {_places(places)}"
        yield from (f"  {line}" for line in lines[:SHOWN_LINES])
        if len(lines) > SHOWN_LINES:
            yield f"  … {len(lines) - SHOWN_LINES} more lines"


def _places(places: Sequence[tuple[CaseDiff, BaselineChange]]) -> str:
    calls = Counter(change.call for _, change in places if change.call)
    cases = list(dict.fromkeys(case.case_id for case, _ in places))
    named = f"{', '.join(cases[:SHOWN_CASES])}{f' and {len(cases) - SHOWN_CASES} more' if cases[SHOWN_CASES:] else ''}"
    return f"{', '.join(sorted(calls))} in {named}" if calls else named


def _numbers(changed: Sequence[CaseDiff]) -> Iterator[str]:
    if changed:
        yield ""
    for case in changed:
        yield f"{case.case_id}: {', '.join(_said(change) for change in case.changes)}"


def _said(change: BaselineChange) -> str:
    what = f"{change.metric} of {change.call}" if change.call else change.metric
    if change.metric == "prompt":
        tokens = "" if change.before == change.after else f" ({_text(change.before)} → {_text(change.after)} tokens)"
        return f"{what}{tokens}"
    if change.metric == "nodes":
        return what
    return f"{what} {_text(change.before)} → {_text(change.after)}"


def _text(value: object) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else f"{value:.6g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {count} times" for name, count in value.items()) or ABSENT
    if isinstance(value, list):
        return ", ".join(map(str, value)) or ABSENT
    return f"{value:,}" if isinstance(value, int) else str(value)
