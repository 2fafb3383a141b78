"""What every form of a comparison says: its verdict, its figures, its cells."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from e2i_eval.report import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.gate.compare import Figure, Flip, Outcome, PairComparison, Quality, RankedRun, RunComparison, Side

__all__ = [
    "CACHE",
    "FLIPS",
    "LATENCY_REMARK",
    "NAMES",
    "cache",
    "candidate_rate",
    "cells",
    "columns",
    "flip_text",
    "has_cache",
    "headline",
    "is_moved",
    "known_runs",
    "overhead_cells",
    "pair_headline",
    "passed",
    "quality_detail",
    "some",
    "value",
    "waited",
    "word",
    "worse_lines",
]

FLIPS = {"broken": "broken", "mended": "fixed", "changed": "changed"}
STATUS_WORDS = {"pass": "Nothing is worse", "fail": "Worse", "inconclusive": "Inconclusive"}
LATENCY_REMARK = "two sessions are no fair test, not judged; --e2i-ab compares revisions on one machine"
COMMIT_CHARS = 7
SHOWN_CASES = 3
CACHE = "cache read / write"
NAMES = {
    "input_tokens": "tokens in",
    "output_tokens": "tokens out",
    "claude_calls": "calls",
    "cost_usd": "cost",
    "logging_completeness": "logging",
}


def word(comparison: RunComparison) -> str:
    """Return the verdict in a word or three."""
    return STATUS_WORDS[comparison.status]


def headline(comparison: RunComparison) -> str:
    """Return the verdict's reason on one line."""
    return "; ".join(pair_headline(pair) for pair in comparison.pairs)


def pair_headline(pair: PairComparison) -> str:
    """Return what one run comes to against the first."""
    return f"{pair.head.letter} against {pair.base.letter}: {_findings(pair)}"


def _findings(pair: PairComparison) -> str:
    worse = [*_quality_words(pair, "worse"), *_figure_words(pair, "worse"), *_overhead_words(pair)]
    if worse:
        return ", ".join(worse)
    better = [*_quality_words(pair, "better"), *_figure_words(pair, "better")]
    if pair.doubts:
        doubt = numbers.amount(len(pair.doubts), "question")
        return f"nothing is known to be worse, {doubt} open"
    return ", ".join(better) or "no difference found"


def _quality_words(pair: PairComparison, outcome: Outcome) -> list[str]:
    kind = "broken" if outcome == "worse" else "mended"
    flipped = sum(flip.kind == kind and not flip.is_held for flip in pair.flips)
    judged = [each.target for each in pair.quality if each.outcome == outcome]
    if not judged:
        return []
    if pair.is_exact and flipped:
        return [f"{numbers.amount(flipped, 'case')} {FLIPS[kind]}"]
    return [f"pass rate of {judged[0] if judged[0] != 'total' else 'all targets'} {outcome}"]


def _figure_words(pair: PairComparison, outcome: Outcome) -> list[str]:
    metrics = dict.fromkeys(each.metric for each in pair.figures if each.outcome == outcome)
    words = []
    for metric in metrics:
        total = pair.figure(metric)
        change = "" if metric == "logging_completeness" else f" {numbers.change(total.before, total.after)}"
        cases = f" in {numbers.amount(len(total.worse), 'case')}" if total.worse else ""
        words.append(f"{NAMES[metric]}{change}{cases}" if change else f"{NAMES[metric]} {outcome}{cases}")
    return words


def _overhead_words(pair: PairComparison) -> list[str]:
    targets = dict.fromkeys(each.target for each in pair.overheads if each.new_differences)
    return [f"logging changes what {target} does" for target in targets]


def value(metric: str, amount: float | None) -> str:
    """Write one number of a figure."""
    if amount is None:
        return "-"
    if metric == "logging_completeness":
        return numbers.share(amount)
    return numbers.cost(amount) if metric == "cost_usd" else numbers.plain(amount)


def columns(pair: PairComparison) -> tuple[str, ...]:
    """Return the numbers that have a column each; the cache has one of its own, see ``cache``."""
    totals = (each.metric for each in pair.figures if each.target == "total")
    return tuple(metric for metric in totals if not metric.startswith("cache"))


def has_cache(pair: PairComparison) -> bool:
    """Tell whether the prompt cache was used at all."""
    return any(each.before or each.after for each in pair.figures if each.metric.startswith("cache"))


def cache(pair: PairComparison, target: str) -> str:
    """Write the tokens read from the cache and those written into it."""
    read, written = (pair.figure(f"cache_{what}_tokens", target) for what in ("read", "write"))
    before, after = (
        f"{value(read.metric, one)} / {value(written.metric, other)}"
        for one, other in ((read.before, written.before), (read.after, written.after))
    )
    return f"{before} → {after}" if before != after else after


def is_moved(pair: PairComparison, target: str) -> bool:
    """Tell whether anything but waiting is another in one target."""
    return any(
        each.outcome not in {"same", "shown"} or (each.outcome == "shown" and each.before != each.after)
        for each in pair.figures
        if each.target == target
    ) or any(
        each.outcome in {"better", "worse"} or each.broken or each.mended
        for each in pair.quality
        if each.target == target
    )


def waited(pair: PairComparison, target: str) -> str:
    """Write the medians of what callers waited."""
    own = next(each for each in pair.waited if each.target == target)
    before, after = (
        "-" if each is None else numbers.ms(each).removesuffix(" ms") for each in (own.before_ms, own.after_ms)
    )
    return f"{before} → {after}"


def overhead_cells(pair: PairComparison) -> list[tuple[str, str, str]]:
    """Return what logging costs: target with callers, in the first run, in the other."""
    return [
        (
            f"{each.target}, {each.callers}",
            numbers.interval_ms(each.before.overhead_ms) if each.before else "not measured",
            numbers.interval_ms(each.after.overhead_ms) if each.after else "not measured",
        )
        for each in pair.overheads
    ]


def worse_lines(pair: PairComparison) -> list[str]:
    """Return the cases in which tokens, calls, cost or logging are worse, a line a number."""
    return [
        f"{NAMES[metric]}: worse in {some(worse)}" for metric in columns(pair) if (worse := pair.figure(metric).worse)
    ]


def some(names: Sequence[str]) -> str:
    """Write the first few names, and how many more there are."""
    more = f" and {len(names) - SHOWN_CASES} more" if len(names) > SHOWN_CASES else ""
    return f"{', '.join(names[:SHOWN_CASES])}{more}"


def flip_text(flip: Flip) -> str:
    """Write what became of a case."""
    held = " (quarantined, not judged)" if flip.is_held else ""
    return f"{flip.before} → {flip.after}{held}"


def cells(figure: Figure) -> str:
    """Write a figure as what was and what is; once where nothing moved."""
    before, after = value(figure.metric, figure.before), value(figure.metric, figure.after)
    moved = figure.before != figure.after and (figure.outcome != "same" or before != after)
    return f"{before} → {after}" if moved else after


def passed(quality: Quality) -> str:
    """Write how many cases pass, and passed."""
    before, after = quality.passed_before, quality.passed_after
    return f"{before} → {after} of {quality.cases}" if before != after else f"{after} of {quality.cases}"


def quality_detail(quality: Quality) -> str:
    """Write the pass rates with their intervals; empty where nothing is left to chance."""
    if quality.rate_before is None or quality.rate_after is None:
        return ""
    rates = " → ".join(
        f"{numbers.share(rate.value)} [{rate.low * 100:.0f}, {rate.high * 100:.0f}]"
        for rate in (quality.rate_before, quality.rate_after)
    )
    if (moved := quality.difference) is None:
        return rates
    return f"{rates}, difference {moved.value * 100:+.1f} [{moved.low * 100:+.1f}, {moved.high * 100:+.1f}] points"


def candidate_rate(candidate: RankedRun) -> str:
    """Write how often a run passes."""
    text = f"{candidate.passed} of {candidate.cases}"
    rate = candidate.rate
    return f"{text}, {rate.low * 100:.0f} to {rate.high * 100:.0f} %" if rate else text


def known_runs(comparison: RunComparison) -> list[tuple[str, str, str]]:
    """Return letter, name and circumstances of each run."""
    return [(side.letter, side.name, _side_facts(side)) for side in comparison.sides]


def _side_facts(side: Side) -> str:
    """Write when, of what and how a run was made."""
    git = side.report.session.get("git") or {}
    started = float(side.report.session.get("started_at_s") or 0)
    parts = [
        f"commit {side.commit[:COMMIT_CHARS]}" if side.commit else "",
        str(git.get("branch", "")),
        f"Claude: {side.mode or 'unknown'}",
        datetime.fromtimestamp(started, tz=UTC).strftime("%Y-%m-%d %H:%M UTC") if started else "",
        numbers.amount(len(side.cases), "case"),
    ]
    return " · ".join(each for each in parts if each)
