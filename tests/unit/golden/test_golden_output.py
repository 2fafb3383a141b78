"""The checks on how a case ended and on its output."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2i_eval.checks import judge as judge_all
from e2i_eval.checks.expectations import golden_checks
from e2i_eval.checks.expectations.completed import last_user_lines
from e2i_eval.checks.expectations.rule_breach import breaches, text_breaches
from e2i_eval.core.case import Budget, Case, ErrorRule, Expectation, NodeRule, Tolerance, ValueRule

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.run import RunError
    from e2i_eval.core.verdict import Verdict


def names(expect: Expectation) -> list[str]:
    """Return the names of the checks a case asks for."""
    return [check.name for check in golden_checks(Case(id="t/c", target="t", inputs={}, expect=expect))]


def test_a_case_is_judged_by_what_it_asks_for() -> None:
    """And always by whether it completed."""
    rule = {"a": ValueRule(min=1)}

    assert names(Expectation()) == ["completed"]
    assert names(Expectation(has_output=True, tools=(), budget=Budget(calls=1))) == [
        "completed",
        "output",
        "tools",
        "budget",
    ]
    assert names(
        Expectation(values=rule, metrics=rule, params=rule, tags=rule, nodes=NodeRule(order="strict", names=()))
    ) == ["completed", "values", "nodes", "metrics", "params", "tags"]


def test_completed_passes_when_the_target_returned(judge: Callable[..., Verdict]) -> None:
    """Nothing else is asked."""
    verdict = judge(Expectation(), output=1)

    assert (verdict.status, verdict.reason) == ("pass", "the target returned")


def test_completed_shows_the_users_own_code(judge: Callable[..., Verdict], raised: Callable[..., RunError]) -> None:
    """The frames of libraries are left out."""
    verdict = judge(Expectation(), error=raised())
    (finding,) = verdict.findings

    assert (verdict.status, verdict.reason) == ("fail", "the target raised ValueError")
    assert finding.message == (
        'the target raised an error\n  File "/home/me/shop/agents.py", line 41, in plan\n    return brands[name]'
    )
    assert (finding.expected, finding.actual) == ("no error", "ValueError: no such brand")


def test_a_traceback_of_libraries_alone_is_shown_as_it_is() -> None:
    """A group's bars and frames without source are understood."""
    text = '  | File "/x/site-packages/a.py", line 1, in f\n  | File "/x/site-packages/b.py", line 2, in g\n  | E: no\n'

    assert last_user_lines(text) == (
        '  File "/x/site-packages/a.py", line 1, in f',
        '  File "/x/site-packages/b.py", line 2, in g',
    )
    assert last_user_lines("") == ()


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        (ErrorRule(type="AuthenticationError"), "pass"),
        (ErrorRule(type="anthropic.AuthenticationError", contains="x-api-key"), "pass"),
        (ErrorRule(type="APIError"), "pass"),
        (ErrorRule(type="ValueError"), "fail"),
        (ErrorRule(type="AuthenticationError", contains="token"), "fail"),
    ],
)
def test_completed_matches_the_expected_error(
    judge: Callable[..., Verdict], raised: Callable[..., RunError], rule: ErrorRule, status: str
) -> None:
    """By its class or a base class, and by text in its message."""
    error = raised("AuthenticationError", "invalid x-api-key", bases=("APIError", "Exception"))

    assert judge(Expectation(error=rule), error=error).status == status


def test_completed_fails_when_the_error_does_not_come(judge: Callable[..., Verdict]) -> None:
    """A target that swallows its error is found."""
    verdict = judge(Expectation(error=ErrorRule(type="AuthenticationError")), output={})
    (finding,) = verdict.findings

    assert verdict.reason == "the target returned"
    assert finding.message == "the target returned, but had to raise"
    assert (finding.expected, finding.actual) == ("AuthenticationError", "no error")


def test_output_agrees_within_the_tolerance(judge: Callable[..., Verdict]) -> None:
    """How much was compared is told."""
    expect = Expectation(output={"a": 1.0, "b": ["x"]}, has_output=True, tolerance=Tolerance(abs=0.1))
    verdict = judge(expect, output={"a": 1.05, "b": ["x"]})

    assert (verdict.status, verdict.reason, verdict.score) == ("pass", "all 2 values agree", 1.0)


def test_output_names_what_differs(make_evidence: Callable[..., Evidence]) -> None:
    """Path, expected, got, and the line of the nearest key."""
    expect = Expectation(
        output={"gaps": [{"region": "West", "size": 0.18}], "n": 1, "ok": True, "t": "x"}, has_output=True
    )
    evidence = make_evidence(expect, {"gaps": [{"region": "South", "size": 0.2}], "ok": 1, "t": None, "new": []})
    lines = {"expect": 3, "expect.output": 4, "expect.output.gaps.0.region": 6}
    case = Case(id="s/r", target="s", inputs={}, expect=expect, path=Path("golden/cases/s/r.yaml"), lines=lines)
    verdict = golden_checks(case)[1].judge(type(evidence)(case=case, run=evidence.run))

    assert verdict.reason == "6 differences from the golden output"
    assert [
        (each.field, each.message, each.expected, each.actual, (each.where or "").rpartition(":")[2])
        for each in verdict.findings
    ] == [
        ("output.gaps.0.region", "is another value", '"West"', '"South"', "6"),
        ("output.gaps.0.size", "is another number (tolerance: rel 0, abs 0)", "0.18", "0.2", "4"),
        ("output.n", "is missing", "1", None, "4"),
        ("output.new", "was not expected", None, "[]", "4"),
        ("output.ok", "is a number, not true or false", "true", "1", "4"),
        ("output.t", "is null, not text", '"x"', "null", "4"),
    ]
    assert verdict.score == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("output", "score"), [({"a": 1, "b": 2}, 0.5), ({"a": 1, "b": 1, "c": 1}, 0.5), ({}, 0.0), (None, 0.0)]
)
def test_the_score_is_the_share_that_agrees(judge: Callable[..., Verdict], output: object, score: float) -> None:
    """What was not expected counts as one value."""
    assert judge(Expectation(output={"a": 1, "b": 1}, has_output=True), output=output).score == score


def test_the_options_of_the_comparison_reach_it(judge: Callable[..., Verdict]) -> None:
    """Ignored paths, patterns and order."""
    expect = Expectation(
        output={"id": 1, "at": 1, "xs": [1, 2]},
        has_output=True,
        ignore=("root['id']",),
        ignore_regex=("'at'",),
        ignore_order=True,
    )

    assert judge(expect, output={"id": 2, "at": 2, "xs": [2, 1]}).status == "pass"
    assert judge(expect, output={"id": 2, "at": 2, "xs": [2, 2]}).status == "fail"


def test_no_output_is_no_pass(judge: Callable[..., Verdict], raised: Callable[..., RunError]) -> None:
    """Also when null is expected, which is what a target that raised has."""
    whole = judge(Expectation(output=None, has_output=True), error=raised())
    single = judge(Expectation(values={"a": ValueRule()}), error=raised())

    assert {whole.status, single.status} == {"fail"}
    assert whole.reason == single.reason == "there is no output: the target raised ValueError"


def test_values_keep_their_rules(judge: Callable[..., Verdict]) -> None:
    """On paths into the output."""
    rules = {"gaps.0.size": ValueRule(min=0.1, max=0.2), ".": ValueRule(contains="gaps")}
    verdict = judge(Expectation(values=rules), output={"gaps": [{"size": 0.18}]})

    assert (verdict.status, verdict.reason, verdict.score) == ("pass", "all 2 rules hold", 1.0)


def test_values_name_what_breaks_them(judge: Callable[..., Verdict]) -> None:
    """The bounds and the value."""
    rules = {"ate": ValueRule(min=2.4, max=3.4), "status": ValueRule(equals="ok", has_equals=True)}
    verdict = judge(Expectation(values=rules), output={"ate": 3.5, "status": "ok"})
    (finding,) = verdict.findings

    assert (verdict.reason, verdict.score) == ("1 of 2 rules do not hold", 0.5)
    assert (finding.field, finding.message) == ("values.ate", "is too large")
    assert (finding.expected, finding.actual) == ("2.4 to 3.4", "3.5")


def test_values_name_the_nearest_path(judge: Callable[..., Verdict]) -> None:
    """Of a path that is not there."""
    rules = {"gaps.0.regoin": ValueRule(equals=1, has_equals=True), "zzz": ValueRule(min=0)}
    first, second = judge(Expectation(values=rules), output={"gaps": [{"region": 1}], "n": 0}).findings

    assert first.message == "the output has no 'gaps.0.regoin'; the nearest it has: 'gaps.0.region', 'gaps.0'"
    assert second.message == "the output has no 'zzz'; it has 'gaps', 'n', 'gaps.0', 'gaps.0.region'"


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (ValueRule(min=1.0), [1, 1.0, 10**400], [0.999, math.nan, math.inf, None, "2", True, [2]]),
        (ValueRule(max=1.0), [1, -5], [1.001, math.nan, -math.inf, None, "0", False]),
        (ValueRule(min=0.0, max=1.0), [0, 1, 0.5], [-0.1, 1.1]),
        (ValueRule(equals=1, has_equals=True), [1, 1.0], [True, "1", 2, None]),
        (ValueRule(equals=None, has_equals=True), [None], [0, "", False]),
        (ValueRule(equals=math.nan, has_equals=True), [math.nan], [1.0, None]),
        (ValueRule(equals=[1], has_equals=True), [[1.0]], [[True], [1, 1]]),
        (ValueRule(contains="rep"), ["a rep b", ["rep"], {"rep": 1}], ["Rep", ["reps"], {"a": "rep"}, None, 5]),
        (ValueRule(contains=1), [[0, 1.0]], ["1", [True], 1]),
        (ValueRule(matches="^v[0-9]+$"), ["v12"], ["v", 12, None]),
        (ValueRule(matches="[0-9]"), ["v12"], ["v"]),
        (ValueRule(one_of=("a", 1)), ["a", 1.0], ["b", True, None]),
        (ValueRule(min=0, one_of=(1, 2)), [1], [-1, 3]),
    ],
)
def test_each_part_of_a_rule(rule: ValueRule, good: list[object], bad: list[object]) -> None:
    """On both sides of its boundary."""
    assert [value for value in good if breaches(rule, value)] == []
    assert [value for value in bad if not breaches(rule, value)] == []


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (ValueRule(equals=0.2, has_equals=True), ["0.2", "0.20", "2e-1"], ["0.21", "", "nan", "x"]),
        (ValueRule(equals=1, has_equals=True), ["1", "1.0"], ["True", "2"]),
        (ValueRule(equals=True, has_equals=True), ["True", "true"], ["1", "yes"]),
        (ValueRule(equals=None, has_equals=True), ["None", "null"], ["", "0"]),
        (ValueRule(equals="1", has_equals=True), ["1"], ["1.0", " 1"]),
        (ValueRule(min=1), ["1", "1.5"], ["0.9", "nan", "inf", "many", ""]),
        (ValueRule(contains="son"), ["sonnet"], ["opus"]),
        (ValueRule(one_of=(1, "a")), ["1.0", "a"], ["b"]),
    ],
)
def test_rules_on_logged_text(rule: ValueRule, good: list[str], bad: list[str]) -> None:
    """Numbers, bools and null are read from the text that MLflow keeps."""
    assert [text for text in good if text_breaches(rule, text)] == []
    assert [text for text in bad if not text_breaches(rule, text)] == []


@pytest.mark.parametrize(
    ("rule", "value", "message", "expected"),
    [
        (ValueRule(min=1), 0, "is too small", "at least 1"),
        (ValueRule(max=1234567), 1234568, "is too large", "at most 1234567"),
        (ValueRule(min=0.1, max=0.3), math.nan, "is not a finite number", "0.1 to 0.3"),
        (ValueRule(max=1), None, "is not a number", "at most 1"),
        (ValueRule(contains="a"), "b", "does not contain what it must", '… "a" …'),
        (ValueRule(matches="a+"), "b", "does not match", "/a+/"),
        (ValueRule(matches="a+"), 5, "is not a text, so nothing matches", "/a+/"),
        (ValueRule(one_of=("a", 1)), "b", "is not one of the allowed values", 'one of "a", 1'),
        (ValueRule(equals="a", has_equals=True), "b", "is another value", '"a"'),
    ],
)
def test_what_a_breach_says(rule: ValueRule, value: object, message: str, expected: str) -> None:
    """The words are part of the screen."""
    (breach,) = breaches(rule, value)

    assert (breach.message, breach.expected) == (message, expected)


def test_a_check_that_breaks_is_an_error(make_evidence: Callable[..., Evidence]) -> None:
    """A rule made in code may be wrong; that is not the system's fault."""
    evidence = make_evidence(Expectation(values={"a": ValueRule(matches="(")}), {"a": "text"})
    _, verdict = judge_all(golden_checks(evidence.case), evidence)

    assert verdict.status == "error"
