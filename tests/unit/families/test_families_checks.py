"""The judgement of each family on evidence that is given, and the case each check evaluates."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.core.case import Case, ErrorRule, Expectation, ScriptedAnswer, ScriptedError, ValueRule
from e2i_eval.core.errors import UsageError
from e2i_eval.core.evidence import Evidence
from e2i_eval.core.run import Run, RunError
from e2i_eval.core.trace import Logged, Trace
from e2i_eval.runner.families import FamilyPlan, default_checks_of
from e2i_eval.runner.families.call_environment import call_environment
from e2i_eval.runner.families.declared import Alteration, Declared
from e2i_eval.runner.families.derived_case import derived_case
from e2i_eval.runner.families.family_check import Before, family_check
from e2i_eval.runner.families.relation import Relation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.core.verdict import Verdict
    from e2i_eval.runner.families.family import Family

GOLDEN = Case(
    id="shop/refund",
    target="shop",
    inputs={"order": {"lines": [{"price": 2.0}]}, "who": "me"},
    script=(ScriptedAnswer(content=({"type": "text", "text": "yes"},), line=7),),
    expect=Expectation(values={"amount": ValueRule(min=1.9, max=2.1), "word": ValueRule(contains="yes")}),
)


def declared(family: Family, **keys: Any) -> Declared:  # noqa: ANN401  any field of the class
    """Return a check that starts from the golden case."""
    return Declared(
        target="shop", family=family, name="one", case="refund", path=Path("families.toml"), lines={"": 3}, **keys
    )


def evidence(output: object = None, *, tag: str | None = "computed", error: str = "") -> Evidence:
    """Return what a call left: its answer, and a trace with a provenance."""
    tags = {} if tag is None else {"origin": tag}
    trace = Trace(trace_id="tr-1", state="OK", experiment_id="1", started_at_s=0.0, duration_s=0.1, tags=tags)
    raised = RunError(type=error, bases=("Exception",), message="broken", traceback="") if error else None
    run = Run(output=output, error=raised, started_at_s=0.0, duration_s=0.1)
    return Evidence(case=GOLDEN, run=run, traces=(trace,), logged=Logged(run_id="1", status="RUNNING"))


def verdict(check: Declared, after: Evidence, before: Evidence | None = None, *, status: str = "pass") -> Verdict:
    """Return the family's verdict on ``after``, with ``before`` as what the golden case left."""
    base = before or evidence({"amount": 2.0})
    raised = base.run.error.type if base.run.error else ""
    known = Before(case=GOLDEN, output=base.run.output, error=raised, status=status, evidence=base)
    return family_check(check, known).judge(after)


def test_truth_needs_a_rule_that_states_it() -> None:
    """A rule with one open end, or none at all, lets any answer through, and is no truth."""
    assert verdict(declared("truth", truths=("amount",)), evidence({"amount": 2.0})).status == "pass"
    assert verdict(declared("truth", truths=("amount",)), evidence({"amount": 3.0})).status == "fail"
    for path in ("word", "other"):
        found = verdict(declared("truth", truths=(path,)), evidence({"amount": 2.0, "word": "yes", "other": 1}))
        assert (found.status, found.reason) == ("fail", "the truth is not stated")


def test_truth_of_a_case_that_fails_is_no_pass() -> None:
    """The right value beside anything wrong does not count."""
    found = verdict(declared("truth", truths=("amount",)), evidence({"amount": 2.0}), status="fail")

    assert found.status == "fail"
    assert "shop/refund did not pass" in found.reason


def test_null_is_judged_by_its_own_rules() -> None:
    """What is found where there is nothing fails."""
    check = declared("null", expect=Expectation(values={"significant": ValueRule(equals=False, has_equals=True)}))

    assert verdict(check, evidence({"significant": False})).status == "pass"
    assert verdict(check, evidence({"significant": True})).status == "fail"
    assert verdict(check, evidence({})).status == "fail"
    assert verdict(check, evidence(error="ValueError")).status == "fail"


def test_relation_needs_two_answers() -> None:
    """A target that raises fails; a golden case that raised leaves nothing to compare with."""
    check = declared(
        "metamorphic", alteration=Alteration(change={"who": "you"}), relation=Relation(paths=("amount",), must="change")
    )

    assert verdict(check, evidence({"amount": 3.0})).status == "pass"
    assert verdict(check, evidence({"amount": 2.0})).status == "fail"
    assert verdict(check, evidence(error="ValueError")).status == "fail"
    assert verdict(check, evidence({"amount": 3.0}), evidence(error="ValueError")).status == "error"


def test_ablation_needs_answer_and_log() -> None:
    """Either alone is not enough, and what also holds with everything on proves nothing."""
    rules = Expectation(
        values={"from": ValueRule(equals="guess", has_equals=True)},
        tags={"origin": ValueRule(equals="fallback", has_equals=True)},
    )
    check = declared("ablation", alteration=Alteration(seam="a:b"), expect=rules)
    said = evidence({"from": "guess"}, tag="fallback")

    assert verdict(check, said).status == "pass"
    assert verdict(check, evidence({"from": "guess"}, tag="computed")).status == "fail"
    assert verdict(check, evidence({"from": "data"}, tag="fallback")).status == "fail"
    assert verdict(check, said, said).status == "error"


def test_ablation_may_end_in_an_error() -> None:
    """A target may refuse to answer, if its trace says so."""
    rules = Expectation(
        error=ErrorRule(type="ConnectionError"), tags={"origin": ValueRule(equals="down", has_equals=True)}
    )
    check = declared("ablation", alteration=Alteration(seam="a:b"), expect=rules)

    assert verdict(check, evidence(error="ConnectionError", tag="down")).status == "pass"
    assert verdict(check, evidence({"amount": 2.0}, tag="down")).status == "fail"


def test_provenance_is_read_from_the_trace() -> None:
    """What the output says of itself does not count."""
    check = declared("provenance", tag="origin", must="fallback")

    assert verdict(check, evidence({"provenance": "fallback"}, tag="fallback")).status == "pass"
    assert verdict(check, evidence({"provenance": "fallback"}, tag="computed")).status == "fail"
    assert verdict(check, evidence({"provenance": "fallback"}, tag=None)).status == "fail"


@pytest.mark.parametrize(
    ("tag", "status"), [("computed", "pass"), ("canned", "pass"), ("completed", "fail"), (None, "fail")]
)
def test_every_trace_has_a_provenance(tag: str | None, status: str) -> None:
    """``completed`` is no provenance."""
    (check,) = default_checks_of(plan(declared("provenance", tag="origin", must="computed")))

    assert check.judge(evidence({}, tag=tag)).status == status


def test_provenance_of_nothing() -> None:
    """A target that raised has no answer; a server that does not answer leaves it unknown; no trace fails."""
    (check,) = default_checks_of(plan(declared("provenance", tag="origin", must="computed")))
    bare: dict[str, Any] = {"case": GOLDEN, "run": Run(output={}, error=None, started_at_s=0, duration_s=0)}

    assert check.judge(evidence(error="ValueError")).status == "skip"
    assert check.judge(Evidence(traces=None, unknown="gone", **bare)).status == "error"
    assert check.judge(Evidence(traces=(), **bare)).status == "fail"
    assert default_checks_of(plan()) == ()


def plan(*checks: Declared) -> FamilyPlan:
    """Return the plan of a target with these checks."""
    return FamilyPlan(
        target="shop",
        checks=checks,
        not_applicable={},
        provenance_tag="origin",
        provenances=("computed", "fallback", "canned"),
        where="families.toml:1",
    )


def derived(**alteration: Any) -> Case:  # noqa: ANN401  any field of the class
    """Return the case of a relation with this alteration."""
    check = declared("metamorphic", alteration=Alteration(**alteration))
    return derived_case(check, GOLDEN, lambda case_id: Case(id=case_id, target="shop", inputs={}, script=()))


def test_inputs_are_changed_inside() -> None:
    """By dotted path, in lists too; the golden case stays as it is."""
    case = derived(change={"order.lines.0.price": 9.0, "unused": {"a": 1}}, remove=("who",))

    assert case.inputs == {"order": {"lines": [{"price": 9.0}]}, "unused": {"a": 1}}
    assert GOLDEN.inputs == {"order": {"lines": [{"price": 2.0}]}, "who": "me"}
    assert case.id == "shop/metamorphic/one"
    assert case.where() == "families.toml:3"


@pytest.mark.parametrize(
    "alteration",
    [{"change": {"order.lines.1.price": 1}}, {"change": {"who.name": 1}}, {"remove": ("whom",)}],
)
def test_input_that_is_not_there(alteration: dict[str, Any]) -> None:
    """A typo must not become a change of nothing."""
    with pytest.raises(UsageError, match="has no input"):
        derived(**alteration)


def test_whose_script_answers() -> None:
    """The case's own, another case's, none, or an overload without end."""
    assert derived(change={"who": "you"}).script == (ScriptedAnswer(content=({"type": "text", "text": "yes"},)),)
    assert derived(claude="other").script == ()
    assert derived(script=()).script == ()
    assert derived(claude="unavailable").script == (ScriptedAnswer(error=ScriptedError(status=529), is_endless=True),)


ENTERED: list[str] = []


@contextmanager
def seam() -> Iterator[None]:
    """Note that it was entered and left."""
    ENTERED.append("in")
    yield
    ENTERED.append("out")


def test_the_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables are as before, whether they were set or not, and the seam is left."""
    environ = {"A": "1"}
    monkeypatch.setitem(__import__("sys").modules, "seams", type("seams", (), {"seam": staticmethod(seam)}))
    check = declared("ablation", alteration=Alteration(seam="seams:seam", environment={"A": "2", "B": "3"}))
    ENTERED.clear()
    with call_environment(check, environ):
        assert environ == {"A": "2", "B": "3"}
        assert ENTERED == ["in"]

    assert environ == {"A": "1"}
    assert ENTERED == ["in", "out"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("os:nothing", "is no function of os"), ("no_such_module:x", "does not import"), ("os:getcwd", "broke")],
)
def test_seam_that_is_none(name: str, said: str) -> None:
    """The seam, what is wrong, where it is named and what it must be."""
    check = declared("ablation", alteration=Alteration(seam=name))
    with pytest.raises(UsageError, match=said) as raised, call_environment(check, dict(os.environ)):
        pytest.fail("the block must not run")

    assert raised.value.where == "families.toml:3"
    assert "context manager" in str(raised.value.fix)
