"""Two runs of a suite: where they agree, and exactly where they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from e2i_eval.core.behaviour import Behaviour, PromptCall
from e2i_eval.core.case import Expectation, Tolerance
from e2i_eval.core.json_codec import from_json, to_json
from e2i_eval.core.stored_output import KeptOutput
from e2i_eval.core.verdict import Verdict
from e2i_eval.gate.agreement import Agreement, agreement_of
from e2i_eval.report.agreement import agreement_lines, agreement_markdown
from e2i_eval.runner.report import CaseResult, Report

CALL = PromptCall(
    node="plan",
    model="claude",
    prompt=("Hello",),
    input_tokens=100,
    output_tokens=10,
    cache_read_tokens=0,
    cache_write_tokens=0,
    requests=1,
    tools=("look_up",),
    stop_reason="tool_use",
)
BEHAVIOUR = Behaviour(calls=(CALL,), nodes=("plan", "act"))
EXPECT = Expectation(ignore=("root['run_id']",), tolerance=Tolerance(rel=0.01))


def output(**values: Any) -> KeptOutput:  # noqa: ANN401  any JSON
    """Return an output with the rules of its case."""
    return KeptOutput.of({"answer": "Monday", "share": 1.0, "run_id": 1, **values}, EXPECT)


def result(name: str = "one", **changes: Any) -> CaseResult:  # noqa: ANN401  any field
    """Return one case's result."""
    made = CaseResult(
        case_id=f"shop/{name}",
        target="shop",
        nodeid=f"golden/cases/shop/{name}.yaml::shop/{name}",
        where="one.yaml:1",
        verdicts=(Verdict(check="output", status="pass"),),
        measurements={"input_tokens": 100.0, "output_tokens": 10.0, "claude_calls": 1.0},
        trace_ids=("tr-1",),
        behaviour=BEHAVIOUR,
        output=output(),
    )
    return replace(made, **changes)


def report(*cases: CaseResult, mode: str = "replay") -> Report:
    """Return a session."""
    return Report(session={"claude": mode}, environment={}, cases=cases)


def agreed(first: CaseResult, second: CaseResult, modes: tuple[str, str] = ("replay", "replay")) -> Agreement:
    """Compare one case in two modes."""
    return agreement_of(report(first, mode=modes[0]), report(second, mode=modes[1]))


def test_the_same_agrees_as_far_as_the_case_says() -> None:
    """What the case ignores or tolerates is no difference; the rate has its interval."""
    found = agreed(result(), result(output=output(run_id=2, share=1.005)))

    assert found.agrees
    assert found.rate is not None
    assert (found.rate.value, found.rate.method) == (1.0, "Wilson")
    assert agreement_lines(found)[0] == "✓ replay and replay agree on 1 of 1 case"


def call(**changes: Any) -> Behaviour:  # noqa: ANN401  any field
    """Return the behaviour with another call."""
    return replace(BEHAVIOUR, calls=(replace(CALL, **changes),))


FAILED = (Verdict(check="output", status="fail", reason="another answer"),)


@pytest.mark.parametrize(
    ("changes", "kind", "place", "values"),
    [
        ({"verdicts": FAILED}, "verdict", "", ("pass", "fail")),
        ({"output": output(answer="Tuesday")}, "output", "root['answer']", ('"Monday"', '"Tuesday"')),
        ({"output": output(share=1.1)}, "output", "root['share']", ("1.0", "1.1")),
        ({"output": output(more=1)}, "output", "root['more']", ("nothing", "1")),
        ({"output": None}, "output", "", ("has one", "has none")),
        ({"behaviour": replace(BEHAVIOUR, nodes=("plan",))}, "nodes", "", ("plan → act", "plan")),
        ({"behaviour": replace(BEHAVIOUR, error="ValueError")}, "error", "", ("returned", "ValueError")),
        ({"behaviour": replace(BEHAVIOUR, calls=())}, "calls", "", ("1 (plan)", "0")),
        ({"behaviour": call(tools=())}, "tools", "call 1 (plan)", ("look_up", "nothing")),
        ({"behaviour": call(stop_reason="end_turn")}, "stop_reasons", "call 1 (plan)", ("tool_use", "end_turn")),
        ({"behaviour": call(output_tokens=None)}, "unanswered", "call 1 (plan)", ("answered", "not answered")),
        ({"behaviour": None}, "unknown", "behaviour", ("was observed", "was not observed")),
        ({"measurements": {"input_tokens": 101.0, "output_tokens": 10.0}}, "tokens", "input_tokens", ("100", "101")),
        ({"measurements": {"output_tokens": 10.0}}, "unknown", "input_tokens", ("100", "unknown")),
    ],
)
def test_each_difference_is_named_and_is_the_only_one(
    changes: dict[str, Any], kind: str, place: str, values: tuple[str, str]
) -> None:
    """And it is shown in both forms."""
    found = agreed(result(), result(**changes))
    (case,) = found.disagreeing
    (difference,) = case.disagreements

    assert (difference.kind, difference.place, (difference.first, difference.second)) == (kind, place, values)
    assert found.kinds() == {kind: 1}
    assert any("✗ shop/one" in line for line in agreement_lines(found))
    assert "- ❌ `shop/one`" in agreement_markdown(found)


@pytest.mark.parametrize(
    ("modes", "is_judged"),
    [
        (("mock", "replay"), False),
        (("mock", "live"), False),
        (("mock", "mock"), True),
        (("replay", "live"), False),
        (("replay", "record"), True),
    ],
)
def test_tokens_are_judged_where_they_mean_the_same(modes: tuple[str, str], *, is_judged: bool) -> None:
    """A fifth more is within what live may vary; the ratio is shown in any case."""
    found = agreed(result(), result(measurements={"input_tokens": 120.0, "output_tokens": 10.0}), modes)

    assert found.agrees is not is_judged
    assert found.cases[0].tokens == {"input_tokens": 1.2, "output_tokens": 1.0}


def test_live_tokens_have_a_limit_too() -> None:
    """Half as many again are too many, and a tolerance that was typed wins."""
    first, second = report(result(), mode="replay"), result(measurements={"input_tokens": 150.0, "output_tokens": 10.0})

    assert not agreement_of(first, report(second, mode="live")).agrees
    assert agreement_of(first, report(second, mode="live"), tolerance=0.5).agrees


def test_a_case_of_one_run_alone_is_a_disagreement() -> None:
    """Whichever run lacks it; and two empty runs do not agree."""
    found = agreement_of(report(result("one"), result("two")), report(result("two"), result("three")))

    assert [(case.case_id, case.disagreements[0].first) for case in found.disagreeing] == [
        ("shop/one", "has a result"),
        ("shop/three", "has none"),
    ]
    assert found.rate is not None
    assert found.rate.value == pytest.approx(1 / 3)
    assert not agreement_of(report(), report()).agrees


def test_outputs_that_nobody_kept_are_unknown() -> None:
    """Never agreement; of one too large to be kept, the digest decides."""
    large = [KeptOutput.of({"text": letter * 50_000}, EXPECT) for letter in "aab"]

    assert agreed(result(output=None), result(output=None)).kinds() == {"unknown": 1}
    assert agreed(result(output=large[0]), result(output=large[1])).agrees
    assert agreed(result(output=large[0]), result(output=large[2])).kinds() == {"output": 1}


def test_a_case_that_raises_in_both_has_no_output_to_lack() -> None:
    """The same error in both is agreement."""
    raised = result(output=None, behaviour=replace(BEHAVIOUR, error="ValueError"))

    assert agreed(raised, raised).agrees


def test_a_case_that_nobody_could_judge_is_unknown() -> None:
    """The same error is no agreement, for nothing was seen."""
    broken = result(verdicts=(Verdict(check="test", status="error"),), behaviour=None, output=None)

    assert agreed(broken, broken).kinds() == {"unknown": 1}


def test_a_case_that_judges_anothers_evidence_has_no_output_of_its_own() -> None:
    """Its verdict is all there is to agree on."""
    concluded = result(behaviour=Behaviour(), output=None, measurements={"claude_calls": 0.0, "cost_usd": 0.0})

    assert agreed(concluded, concluded).agrees


def test_two_tests_of_one_case_are_two() -> None:
    """And repetitions of one are one, at their worst."""
    other = result(nodeid="evals/test_shop.py::test_it")
    repeated = [result(repeat=0), result(repeat=1, verdicts=FAILED)]

    assert len(agreement_of(report(result(), other), report(result(), other)).cases) == 2
    found = agreement_of(report(result()), report(*repeated))
    assert found.kinds() == {"verdict": 1}
    assert any("repeated" in note for note in found.notes)


def test_an_output_survives_the_report() -> None:
    """With its rules."""
    made = result()

    assert from_json(CaseResult, to_json(made)) == made
