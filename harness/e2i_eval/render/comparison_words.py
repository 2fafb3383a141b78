"""What every form of a comparison says: its verdict, its figures, its cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.render import numbers

if TYPE_CHECKING:
    from e2i_eval.comparing import Candidate, Comparison, Figure, Outcome, PairComparison, Quality, Side

__all__ = [
    "LATENCY_REMARK",
    "MARKS",
    "OUTCOMES",
    "candidate_rate",
    "cells",
    "headline",
    "known_runs",
    "pair_headline",
    "passed",
    "quality_detail",
    "side_facts",
    "value",
    "word",
]

OUTCOMES: dict[Outcome, str] = {
    "same": "same",
    "better": "better",
    "worse": "worse",
    "unclear": "unclear",
    "shown": "not judged",
}
MARKS: dict[Outcome, str] = {"same": "=", "better": "✓", "worse": "✗", "unclear": "~", "shown": "·"}
STATUS_WORDS = {"pass": "Nothing is worse", "fail": "Worse", "inconclusive": "Inconclusive"}
LATENCY_REMARK = "two sessions do not wait alike: shown, not judged; --e2i-duet compares revisions on one machine"
COMMIT_CHARS = 7
SHOWN_CASES = 3
NAMES = {
    "input_tokens": "tokens in",
    "output_tokens": "tokens out",
    "claude_calls": "calls",
    "cost_usd": "cost",
    "cache_read_tokens": "from cache",
    "cache_write_tokens": "into cache",
    "logging_completeness": "logging",
}


def word(comparison: Comparison) -> str:
    """Return the verdict in a word or three."""
    return STATUS_WORDS[comparison.status]


def headline(comparison: Comparison) -> str:
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
        return f"nothing is worse as far as can be told, {doubt} open"
    return ", ".join(better) or "no difference found"


def _quality_words(pair: PairComparison, outcome: Outcome) -> list[str]:
    kind = "broken" if outcome == "worse" else "mended"
    flipped = sum(flip.kind == kind and not flip.is_held for flip in pair.flips)
    judged = [each.target for each in pair.quality if each.outcome == outcome]
    if not judged:
        return []
    if pair.is_exact and flipped:
        return [f"{numbers.amount(flipped, 'case')} {kind}"]
    return [f"quality of {judged[0] if judged[0] != 'total' else 'all targets'} {outcome}"]


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


def cells(figure: Figure) -> str:
    """Write a figure as what was and what is; once where nothing moved."""
    before, after = value(figure.metric, figure.before), value(figure.metric, figure.after)
    moved = figure.before != figure.after and (figure.outcome != "same" or before != after)
    text = f"{before} → {after}" if moved else after
    return f"{text} {MARKS[figure.outcome]}" if figure.outcome in {"worse", "better", "unclear"} else text


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
    moved = quality.difference
    points = f", difference {moved.value * 100:+.1f} [{moved.low * 100:+.1f}, {moved.high * 100:+.1f}] points"
    return f"{rates}{points if moved else ''}"


def candidate_rate(candidate: Candidate) -> str:
    """Write how often a run passes."""
    text = f"{candidate.passed} of {candidate.cases}"
    rate = candidate.rate
    return f"{text}, {rate.low * 100:.0f} to {rate.high * 100:.0f} %" if rate else text


def known_runs(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Return letter, name and circumstances of each run."""
    return [(side.letter, side.name, side_facts(side)) for side in comparison.sides]


def side_facts(side: Side) -> str:
    """Write when, of what and how a run was made."""
    from datetime import UTC, datetime  # noqa: PLC0415

    git = side.report.session.get("git") or {}
    started = float(side.report.session.get("started_at_s") or 0)
    told = [
        f"commit {side.commit[:COMMIT_CHARS]}" if side.commit else "",
        str(git.get("branch", "")),
        f"Claude: {side.mode or 'unknown'}",
        datetime.fromtimestamp(started, tz=UTC).strftime("%Y-%m-%d %H:%M UTC") if started else "",
        numbers.amount(len(side.cases), "case"),
    ]
    return " · ".join(each for each in told if each)
