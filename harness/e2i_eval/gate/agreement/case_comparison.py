"""One case in two runs: verdicts, output, path, calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.compare.comparison import ComparisonRules
from e2i_eval.checks.compare.diff_path import diff_path
from e2i_eval.checks.compare.difference import differences
from e2i_eval.checks.compare.text import shown, text_difference
from e2i_eval.core.behaviour import Behaviour
from e2i_eval.gate.agreement.disagreement import CaseAgreement, Disagreement
from e2i_eval.gate.runs.call_pairs import call_name, call_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_eval.core.behaviour import PromptCall
    from e2i_eval.gate.agreement.disagreement import Kind
    from e2i_eval.gate.runs import RunCase
    from e2i_eval.runner.report import CaseResult

__all__ = ["absent", "compared"]

TOKENS = ("input_tokens", "output_tokens")
NOTHING = "nothing"


def absent(name: str, target: str, *, is_first: bool) -> CaseAgreement:
    """Return a case that only one run has; ``is_first`` says that it is the first."""
    values = ("has a result", "has none") if is_first else ("has none", "has a result")
    found = Disagreement(kind="absent", first=values[0], second=values[1], text="one run lacks it")
    return CaseAgreement(case_id=name, target=target, disagreements=(found,))


def compared(name: str, first: RunCase, second: RunCase, *, tolerance: float | None) -> CaseAgreement:
    """Compare a case of two runs: the verdict of all its repetitions, and everything else of the first of them.

    Args:
        name: what the case is called.
        first: the case in the first run.
        second: in the second.
        tolerance: relative difference of tokens that is allowed; None does not judge them.
    """
    one, other = first.results[0], second.results[0]
    found = [*_verdicts(first, second), *_outputs(one, other), *_behaviours(first.behaviour, second.behaviour)]
    ratios = {
        kind: other.measurements[kind] / one.measurements[kind]
        for kind in TOKENS
        if one.measurements.get(kind) and kind in other.measurements
    }
    if tolerance is not None:
        found += _tokens(one, other, tolerance)
    return CaseAgreement(case_id=name, target=first.target, disagreements=tuple(found), tokens=ratios)


def _verdicts(first: RunCase, second: RunCase) -> Iterator[Disagreement]:
    """Yield a flip of the case, with the checks behind it; else each check that only one run finds wrong."""
    if first.status == second.status == "error":
        yield Disagreement(kind="unknown", first="error", second="error", text="neither run could judge it")
    wrong = [_wrong(case) for case in (first, second)]
    if first.status != second.status:
        behind = wrong[first.status == "pass"]
        text = "; ".join(f"{check}: {reason}" for check, (_, reason) in behind.items())
        yield Disagreement(kind="verdict", first=first.status, second=second.status, text=text)
        return
    for check in sorted(wrong[0].keys() | wrong[1].keys()):
        (one, why), (other, other_why) = (side.get(check, ("pass", "")) for side in wrong)
        if one != other:
            yield Disagreement(kind="verdict", place=check, first=one, second=other, text=why or other_why)


def _wrong(case: RunCase) -> dict[str, tuple[str, str]]:
    """Return status and reason of each check that did not pass in every repetition, at its worst."""
    every = [verdict for result in case.results for verdict in result.verdicts]
    bad = [verdict for status in ("error", "fail") for verdict in every if verdict.status == status]
    return {verdict.check: (str(verdict.status), verdict.reason) for verdict in bad}


def _outputs(first: CaseResult, second: CaseResult) -> Iterator[Disagreement]:
    """Yield each difference of the outputs, by the rules of the case as the first run has them."""
    one, other = first.output, second.output
    if one is None or other is None:
        if not (_has_ended_without(first) and _has_ended_without(second)):
            seen = ["has one" if each else "has none" for each in (one, other)]
            kind: Kind = "output" if one or other else "unknown"
            text = "" if one or other else "neither run kept its output"
            yield Disagreement(kind=kind, first=seen[0], second=seen[1], text=text)
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
            seen = ["was observed" if each else "was not observed" for each in (first, second)]
            yield Disagreement(kind="unknown", place="behaviour", first=seen[0], second=seen[1])
        return
    yield from _values("error", "", first.error or "returned", second.error or "returned")
    yield from _values("nodes", "", _path(first.nodes), _path(second.nodes))
    if [call.node for call in first.calls] != [call.node for call in second.calls]:
        yield Disagreement(kind="calls", first=_calls(first), second=_calls(second))
        return
    for one, other in call_pairs(first.calls, second.calls):
        if one and other:
            yield from _call(call_name(one, first), one, other)


def _call(name: str, first: PromptCall, second: PromptCall) -> Iterator[Disagreement]:
    yield from _values("tools", name, _path(first.tools), _path(second.tools))
    answers = ["answered" if call.output_tokens is not None else "not answered" for call in (first, second)]
    if answers[0] != answers[1]:
        yield Disagreement(kind="unanswered", place=name, first=answers[0], second=answers[1])
    else:
        yield from _values("stop_reasons", name, first.stop_reason, second.stop_reason)


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
                seen = ["unknown" if each is None else f"{each:,.0f}" for each in (one, other)]
                yield Disagreement(kind="unknown", place=kind, first=seen[0], second=seen[1])
        elif abs(one - other) > tolerance * max(one, other):
            yield Disagreement(kind="tokens", place=kind, first=f"{one:,.0f}", second=f"{other:,.0f}")
