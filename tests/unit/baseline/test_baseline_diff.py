"""What a run does differently: everything that differs is named, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.core.verdict import Verdict
from e2i_eval.gate.baseline import Baseline, BaselineChange, BaselineDiff, baseline_of, compare
from e2i_eval.gate.runs import EXACT, cases_of
from e2i_eval.report.baseline_lines import baseline_lines, diff_lines

if TYPE_CHECKING:
    from e2i_eval.core.behaviour import Behaviour, PromptCall
    from e2i_eval.runner.report import CaseResult, Report


def _with(report: Report, result: CaseResult) -> Report:
    return replace(report, cases=(result, *report.cases[1:]))


def _changes(baseline: Baseline, report: Report, result: CaseResult) -> list[BaselineChange]:
    diff = compare(baseline, _with(report, result))
    assert [case.case_id for case in diff.changed] in ([], ["support/refund"])
    return [change for case in diff.changed for change in case.changes]


def _behaving(result: CaseResult, **fields: Any) -> CaseResult:  # noqa: ANN401  any field of Behaviour
    return replace(result, behaviour=replace(_behaviour(result), **fields))


def _calling(result: CaseResult, **fields: Any) -> CaseResult:  # noqa: ANN401  any field of PromptCall
    (call,) = _behaviour(result).calls
    return _behaving(result, calls=(replace(call, **fields),))


def _behaviour(result: CaseResult) -> Behaviour:
    assert result.behaviour is not None
    return result.behaviour


def test_an_unchanged_run_differs_in_nothing(baseline: Baseline, report: Report, result: CaseResult) -> None:
    """Whatever time it took."""
    slower = replace(result, measurements={**result.measurements, "latency_ms": 99.0}, run_id="other")
    diff = compare(baseline, _with(report, slower))

    assert diff.is_empty
    assert len(diff.cases) == 2
    assert diff.cases[0].before == diff.cases[0].after


@pytest.mark.parametrize("metric", EXACT)
def test_every_exact_measurement_is_compared(
    baseline: Baseline, report: Report, result: CaseResult, metric: str
) -> None:
    """By the smallest step, and when it comes or goes."""
    before = result.measurements.get(metric)
    (changed,) = _changes(
        baseline, report, replace(result, measurements={**result.measurements, metric: (before or 0) + 1e-6})
    )
    assert (changed.metric, changed.before) == (metric, before)

    if before is not None:
        rest = {name: value for name, value in result.measurements.items() if name != metric}
        (gone,) = _changes(baseline, report, replace(result, measurements=rest))
        assert (gone.metric, gone.before, gone.after) == (metric, before, None)


@pytest.mark.parametrize(
    ("fields", "metric"),
    [
        ({"nodes": ("plan", "act", "plan", "act")}, "nodes"),
        ({"nodes": ()}, "nodes"),
        ({"loops": (("plan", 3),)}, "loops"),
        ({"error": "ValueError"}, "error"),
        ({"calls": ()}, "call"),
    ],
)
def test_every_part_of_the_path_is_compared(
    baseline: Baseline, report: Report, result: CaseResult, fields: dict[str, Any], metric: str
) -> None:
    """Nodes, loops, errors, calls."""
    assert [change.metric for change in _changes(baseline, report, _behaving(result, **fields))] == [metric]


@pytest.mark.parametrize(
    ("fields", "metric"),
    [
        ({"model": "claude-opus-5"}, "model"),
        ({"tools": ("lookup",)}, "tools"),
        ({"stop_reason": "max_tokens"}, "stop_reason"),
        ({"requests": 2}, "requests"),
        ({"prompt": ("[user]", "Why not?")}, "prompt"),
    ],
)
def test_every_part_of_a_call_is_compared(
    baseline: Baseline, report: Report, result: CaseResult, fields: dict[str, Any], metric: str
) -> None:
    """Model, tools, stop reason, requests, prompt, each with its call."""
    (change,) = _changes(baseline, report, _calling(result, **fields))

    assert (change.metric, change.call) == (metric, "call 1 (plan)")


def test_a_prompt_that_grew_shows_the_sentence(baseline: Baseline, report: Report, result: CaseResult) -> None:
    """As a unified diff of its lines."""
    prompt = ("[system]", "Be brief.", "Be kind.", "[user]", "Why?", "[settings]", "max_tokens: 100")
    (change,) = _changes(baseline, report, _calling(result, prompt=prompt))

    assert change.lines == ("@@ -2,2 +2,3 @@", " Be brief.", "+Be kind.", " [user]")


def test_of_several_calls_the_changed_one_is_told(report: Report, result: CaseResult, call: PromptCall) -> None:
    """Equal prompts belong together wherever they stand; tokens are compared call by call."""
    other = replace(call, prompt=("[user]", "And?"))
    before = _with(report, _behaving(result, calls=(call, other)))
    baseline = baseline_of(before, name="main", reason="first", at="now")
    after = _behaving(result, calls=(replace(other, output_tokens=9), call))

    (change,) = _changes(baseline, report, after)

    assert (change.metric, change.before, change.after, change.call) == ("output_tokens", 2, 9, "call 1 (plan)")


def test_a_call_that_came_is_told_with_its_prompt(baseline: Baseline, report: Report, result: CaseResult) -> None:
    """The others are still paired with their own."""
    (call,) = _behaviour(result).calls
    extra = replace(call, prompt=("[user]", "One more thing"))

    (change,) = _changes(baseline, report, _behaving(result, calls=(extra, call)))

    assert (change.metric, change.before, change.after) == ("call", None, "asked")
    assert "+One more thing" in change.lines


def test_a_verdict_that_flipped_is_told(baseline: Baseline, report: Report, result: CaseResult) -> None:
    """In either direction, with the pass rate."""
    failed = replace(result, verdicts=(Verdict(check="output", status="fail", reason="wrong"),))

    assert [(change.metric, change.before, change.after) for change in _changes(baseline, report, failed)] == [
        ("status", "pass", "fail"),
        ("pass_rate", 1.0, 0.0),
    ]


def test_a_behaviour_nobody_observed_is_a_difference(baseline: Baseline, report: Report, result: CaseResult) -> None:
    """What is unknown is no agreement."""
    (change,) = _changes(baseline, report, replace(result, behaviour=None))

    assert (change.metric, change.after) == ("behaviour", "not observed")


def test_cases_of_one_side_are_named(baseline: Baseline, report: Report, result: CaseResult) -> None:
    """Neither a lost case nor a new one is passed over."""
    new = replace(result, case_id="support/new", nodeid="x::support/new")
    diff = compare(baseline, replace(report, cases=(report.cases[0], new)))

    assert (diff.missing, diff.added) == (("support/thanks",), ("support/new",))
    assert not diff.is_empty


def test_repetitions_that_disagree_are_told(baseline: Baseline, report: Report, result: CaseResult) -> None:
    """A run that agrees with the baseline by its first repetition alone does not agree."""
    other = replace(result, repeat=1, measurements={**result.measurements, "claude_calls": 2.0})
    diff = compare(baseline, replace(report, cases=(*report.cases, other)))
    (case,) = diff.changed

    assert [(change.kind, change.metric) for change in case.changes] == [
        ("stability", "claude_calls"),
        ("measurement", "claude_calls"),
    ]
    assert case.after["claude_calls"] == 1.5


def test_another_mode_is_no_agreement(baseline: Baseline, report: Report, result: CaseResult) -> None:
    """Tokens of a live run say nothing about a mocked one; verdicts and logging are still compared."""
    live = _with(replace(report, session={**report.session, "claude": "live"}), _calling(result, prompt=("other",)))
    diff = compare(baseline, live)

    assert diff.changed == ()
    assert not diff.is_empty
    assert {"input_tokens", "behaviour"} <= diff.incomparable.keys()
    assert "logging_completeness" not in diff.incomparable


def test_two_live_runs_are_compared_by_verdicts(baseline: Baseline, report: Report, result: CaseResult) -> None:
    """What varies by chance is for statistics."""
    live = replace(report, session={**report.session, "claude": "live"})
    diff = compare(replace(baseline, mode="live"), _with(live, _calling(result, prompt=("other",))))

    assert diff.is_empty
    assert "both runs are live" in diff.notes[0]


def test_other_prices_make_cost_incomparable(baseline: Baseline, report: Report, result: CaseResult) -> None:
    """Unless no cost changed: then the new table says the same."""
    dearer = replace(report, session={**report.session, "prices": "2027-01-01"})
    assert compare(baseline, dearer).is_empty

    diff = compare(baseline, _with(dearer, replace(result, measurements={**result.measurements, "cost_usd": 1.0})))

    assert list(diff.incomparable) == ["cost_usd"]
    assert diff.changed == ()


def test_another_environment_is_a_note(baseline: Baseline, report: Report) -> None:
    """It explains a difference and is none itself; the number of CPUs explains nothing."""
    diff = compare(baseline, replace(report, environment={"python": "3.13.1", "platform": "linux-x86_64", "cpus": "8"}))

    assert diff.is_empty
    assert diff.notes == ("python is 3.13.1 here and was 3.11.7 in the baseline",)


def test_several_tests_of_one_case_are_entries_of_their_own(result: CaseResult) -> None:
    """The case file keeps the id; results of one test are numbered."""
    in_python = replace(result, nodeid="evals/test_it.py::test_a")

    assert list(cases_of([result, in_python, in_python])) == [
        "support/refund",
        "support/refund [evals/test_it.py::test_a] #1",
        "support/refund [evals/test_it.py::test_a] #2",
    ]


def _text(diff: BaselineDiff) -> str:
    return "\n".join(diff_lines(diff))


def test_the_text_shows_a_shared_prompt_once(baseline: Baseline, report: Report) -> None:
    """Two cases with the same new sentence are one diff; their numbers are shown case by case."""
    prompt = ("[system]", "Be brief.", "Be kind.", "[user]", "Why?", "[settings]", "max_tokens: 100")
    cases = tuple(
        replace(_calling(case, prompt=prompt), measurements={**case.measurements, "prompt_tokens": 23.0})
        for case in report.cases
    )

    assert _text(compare(baseline, replace(report, cases=cases))) == (
        "baseline main: 2 cases compared, 2 cases changed\n"
        "\n"
        "prompt of call 1 (plan) in support/refund, support/thanks\n"
        "  @@ -2,2 +2,3 @@\n"
        "   Be brief.\n"
        "  +Be kind.\n"
        "   [user]\n"
        "\n"
        "support/refund: prompt_tokens 20 → 23, prompt of call 1 (plan)\n"
        "support/thanks: prompt_tokens 20 → 23, prompt of call 1 (plan)"
    )


def test_the_text_names_what_is_missing(baseline: Baseline, report: Report) -> None:
    """And why something was not compared."""
    live = replace(report, session={**report.session, "claude": "live"}, cases=report.cases[:1])
    text = _text(compare(baseline, live))

    assert "1 in the baseline and not in this run:\n  support/thanks" in text
    assert "the baseline was made with Claude mock, this run with Claude live" in text
    assert text.count("not compared:") == 1


def test_a_baseline_is_shown_with_its_reason(baseline: Baseline) -> None:
    """Who reads it knows what it is and where it came from."""
    text = "\n".join(baseline_lines(baseline))

    assert "baseline main: accepted 2026-11-23, commit abc: first" in text
    assert [line.split()[:3] for line in text.splitlines()].count(["support", "2", "2"]) == 1
