"""One case in two runs: verdicts, output, path, calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.compare.comparison import ComparisonRules
from e2i_eval.checks.compare.diff_path import diff_path
from e2i_eval.checks.compare.difference import differences
from e2i_eval.checks.compare.text import shown, text_difference
from e2i_eval.core.behaviour import Behaviour
from e2i_eval.gate.agreement.disagreement import CaseAgreement, Disagreement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_eval.gate.agreement.disagreement import Kind
    from e2i_eval.runner.report import CaseResult

__all__ = ["absent", "compared"]

TOKENS = ("input_tokens", "output_tokens")
SEVERITY = ("pass", "error", "fail")
NOTHING = "nothing"


def absent(name: str, target: str, *, is_first: bool) -> CaseAgreement:
    """Return a case that only one run has; ``is_first`` says that it is the first."""
    there, gone = "has a result", "has none"
    told = Disagreement(
        kind="absent", first=there if is_first else gone, second=gone if is_first else there, text="one run lacks it"
    )
    return CaseAgreement(case_id=name, target=target, disagreements=(told,))


def compared(
    name: str, first: Sequence[CaseResult], second: Sequence[CaseResult], *, tolerance: float | None
) -> CaseAgreement:
    """Compare the runs of one case.

    Args:
        name: what the case is called.
        first: its runs in the first session, at least one.
        second: in the second.
        tolerance: relative difference of tokens that is allowed; None does not judge them.
    """
    one, other = first[0], second[0]
    found = [*_verdicts(first, second), *_outputs(one, other), *_behaviours(one.behaviour, other.behaviour)]
    ratios = {
        kind: other.measurements[kind] / one.measurements[kind]
        for kind in TOKENS
        if one.measurements.get(kind) and kind in other.measurements
    }
    if tolerance is not None:
        found += _tokens(one, other, tolerance)
    return CaseAgreement(case_id=name, target=one.target, disagreements=tuple(found), tokens=ratios)


def _verdicts(first: Sequence[CaseResult], second: Sequence[CaseResult]) -> Iterator[Disagreement]:
    """Yield a flip of the case, with the checks behind it; else each check that only one run finds wrong."""
    worst = [max((run.status for run in runs), key=SEVERITY.index) for runs in (first, second)]
    if worst == ["error", "error"]:
        yield Disagreement(kind="unknown", first="error", second="error", text="neither run could judge it")
    wrong = [_wrong(runs) for runs in (first, second)]
    if worst[0] != worst[1]:
        behind = wrong[worst[0] == "pass"]
        text = "; ".join(f"{check}: {reason}" for check, (_, reason) in behind.items())
        yield Disagreement(kind="verdict", first=worst[0], second=worst[1], text=text)
        return
    for check in sorted(wrong[0].keys() | wrong[1].keys()):
        told = [side.get(check, ("pass", "")) for side in wrong]
        if told[0][0] != told[1][0]:
            text = told[0][1] or told[1][1]
            yield Disagreement(kind="verdict", place=check, first=told[0][0], second=told[1][0], text=text)


def _wrong(runs: Sequence[CaseResult]) -> dict[str, tuple[str, str]]:
    every = [verdict for run in runs for verdict in run.verdicts if verdict.status in {"fail", "error"}]
    every.sort(key=lambda verdict: SEVERITY.index(verdict.status))
    return {verdict.check: (str(verdict.status), verdict.reason) for verdict in every}


def _outputs(first: CaseResult, second: CaseResult) -> Iterator[Disagreement]:
    """Yield each difference of the outputs, by the rules of the case as the first run has them."""
    one, other = first.output, second.output
    if one is None or other is None:
        if not (_has_ended_without(first) and _has_ended_without(second)):
            told = ["has one" if each else "has none" for each in (one, other)]
            kind: Kind = "output" if one or other else "unknown"
            text = "" if one or other else "neither run kept its output"
            yield Disagreement(kind=kind, first=told[0], second=told[1], text=text)
        return
    if not (one.is_whole and other.is_whole):
        if one.digest != other.digest:
            text = "they are too large to be kept, and differ in what is known of them, their digests"
            yield Disagreement(kind="output", place="root", first=one.digest[:12], second=other.digest[:12], text=text)
        return
    comparison = ComparisonRules.of(
        tolerance=one.tolerance,
        ignore_order=one.ignore_order,
        ignore=one.ignore,
        ignore_regex=one.ignore_regex,
    )
    for each in differences(one.value, other.value, comparison):
        yield Disagreement(
            kind="output",
            place=diff_path(each.path),
            first=NOTHING if each.kind == "unexpected" else shown(each.expected),
            second=NOTHING if each.kind == "missing" else shown(each.actual),
            text=text_difference(each.expected, each.actual) or "" if each.kind == "changed" else "",
        )


def _has_ended_without(result: CaseResult) -> bool:
    """Tell whether there can be no output: the target raised, was not called, or another case called it."""
    behaviour = result.behaviour
    return behaviour is None or bool(behaviour.error) or behaviour == Behaviour()


def _behaviours(first: Behaviour | None, second: Behaviour | None) -> Iterator[Disagreement]:
    if first is None or second is None:
        if first is not second:
            told = ["was observed" if each else "was not observed" for each in (first, second)]
            yield Disagreement(kind="unknown", place="behaviour", first=told[0], second=told[1])
        return
    yield from _values("error", "", first.error or "returned", second.error or "returned")
    yield from _values("nodes", "", _path(first.nodes), _path(second.nodes))
    if len(first.calls) != len(second.calls):
        yield Disagreement(kind="calls", first=_calls(first), second=_calls(second))
        return
    for place, (one, other) in enumerate(zip(first.calls, second.calls, strict=True), 1):
        where = f"call {place}{f' ({one.node})' if one.node else ''}"
        yield from _values("calls", f"{where}, node", one.node, other.node)
        yield from _values("tools", where, _path(one.tools), _path(other.tools))
        is_answered = one.output_tokens is not None, other.output_tokens is not None
        if is_answered[0] != is_answered[1]:
            words = ["answered" if each else "not answered" for each in is_answered]
            yield Disagreement(kind="unanswered", place=where, first=words[0], second=words[1])
        else:
            yield from _values("stop_reasons", where, one.stop_reason, other.stop_reason)


def _values(kind: Kind, place: str, first: str, second: str) -> Iterator[Disagreement]:
    if first != second:
        yield Disagreement(kind=kind, place=place, first=first or NOTHING, second=second or NOTHING)


def _path(names: Sequence[str]) -> str:
    return " → ".join(names)


def _calls(behaviour: Behaviour) -> str:
    nodes = ", ".join(call.node or "?" for call in behaviour.calls)
    return f"{len(behaviour.calls)} ({nodes})" if nodes else "0"


def _tokens(first: CaseResult, second: CaseResult, tolerance: float) -> Iterator[Disagreement]:
    for kind in TOKENS:
        one, other = first.measurements.get(kind), second.measurements.get(kind)
        if one is None or other is None:
            if one is not other:
                told = ["unknown" if each is None else f"{each:,.0f}" for each in (one, other)]
                yield Disagreement(kind="unknown", place=kind, first=told[0], second=told[1])
        elif abs(one - other) > tolerance * max(one, other):
            yield Disagreement(kind="tokens", place=kind, first=f"{one:,.0f}", second=f"{other:,.0f}")
