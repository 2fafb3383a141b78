"""The family runner: what is evaluated, what is not evaluated again, and in which environment."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2i_eval.checks import NamedCheck, judge
from e2i_eval.core.case import Case
from e2i_eval.core.errors import UsageError
from e2i_eval.core.evidence import Evidence
from e2i_eval.core.run import Run
from e2i_eval.runner.config.settings import read_settings
from e2i_eval.runner.evaluation import Evaluation
from e2i_eval.runner.families.family_runner import FamilyRunner
from e2i_eval.runner.families.plan_book import PlanBook
from e2i_eval.runner.report import CaseResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2i_eval.runner.config.settings import Settings
    from e2i_eval.runner.families import Declared
    from e2i_eval.runner.families.family_check import Before

FAMILIES = """\
schema = 1
provenance_tag = "origin"
[targets.shop.truth.amount]
case = "refund"
values = ["amount"]
[targets.shop.metamorphic.dearer]
case = "refund"
change = { price = 3 }
path = "amount"
must = "increase"
[targets.shop.ablation.setting]
case = "refund"
environment = { SHOP = "off" }
values = { amount = 0 }
tags = { origin = "fallback" }
[targets.shop.fresh-process.refund]
case = "refund"
[targets.shop.null.typo]
case = "refunt"
values = { amount = 0 }
"""
CASE = "schema: 1\ninputs: {price: 2}\nexpect: {values: {amount: {min: 2, max: 2}}}\n"


class Till:
    """An evaluator whose target answers with the price, and which keeps what it was asked."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ
        self.steps: list[str] = []

    def evaluate(self, case: Case, nodeid: str, *, checks: tuple[NamedCheck, ...] = ()) -> Evaluation:
        """Answer with the price."""
        self.steps.append(f"call {case.id}" + (" off" if self.environ.get("SHOP") == "off" else ""))
        output = {"amount": case.inputs["price"]}
        run = Run(output=output, error=None, started_at_s=0.0, duration_s=0.0)
        evidence = Evidence(case=case, run=run, traces=())
        return Evaluation(result=result(case, nodeid, checks, evidence), evidence=evidence)

    def conclude(self, case: Case, nodeid: str, checks: tuple[NamedCheck, ...], basis: Evaluation) -> CaseResult:
        """Judge what is there."""
        self.steps.append(f"judge {case.id}")
        return result(case, nodeid, checks, replace(basis.evidence, case=case))

    @contextmanager
    def rebuilt(self, target: str) -> Iterator[None]:
        """Note it."""
        self.steps.append(f"build {target}")
        yield

    def elsewhere(self, declared: Declared, nodeid: str, before: Before) -> CaseResult:
        """Stand for the new process."""
        self.steps.append(f"elsewhere {declared.id} after {before.output}")
        return CaseResult(case_id=declared.id, target="shop", nodeid=nodeid, where="", verdicts=())


def result(case: Case, nodeid: str, checks: tuple[NamedCheck, ...], evidence: Evidence) -> CaseResult:
    """Return a judged case."""
    return CaseResult(case_id=case.id, target="shop", nodeid=nodeid, where="", verdicts=judge(checks, evidence))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A project with one target, one case and its families."""
    (tmp_path / "golden" / "cases" / "shop").mkdir(parents=True)
    (tmp_path / "golden" / "cases" / "shop" / "refund.yaml").write_text(CASE)
    (tmp_path / "families.toml").write_text(FAMILIES)
    entry = '[tool.e2i_eval.targets.shop]\nentry = "shop:build"\nfamilies = "families.toml"\n'
    (tmp_path / "pyproject.toml").write_text(entry)
    return read_settings(tmp_path, {}, cache=tmp_path, invocation=tmp_path)


class Table:
    """A runner, its evaluator and the checks of the file."""

    def __init__(self, settings: Settings) -> None:
        book = PlanBook(settings)
        plan = book.plan("shop")
        assert plan
        environ: dict[str, str] = {}
        self.till = Till(environ)
        self.checks = {check.family: check for check in plan.checks}
        elsewhere = type("Elsewhere", (), {"evaluate": staticmethod(self.till.elsewhere)})
        self.runner = FamilyRunner(
            settings=settings,
            wanted=book.wanted(),
            evaluator=lambda: self.till,
            elsewhere=elsewhere,
            environ=environ,
        )

    def run(self, family: str) -> CaseResult:
        """Evaluate the check of ``family``."""
        check = next(each for name, each in self.checks.items() if name == family)
        return self.runner.evaluate(check, "node")


def test_a_golden_case_is_evaluated_once(settings: Settings) -> None:
    """Whoever needs it first evaluates it; what judges it alone calls nothing."""
    table = Table(settings)

    assert table.run("truth").status == "pass"
    assert table.run("metamorphic").status == "pass"
    assert table.till.steps == ["call shop/refund", "judge shop/truth/amount", "call shop/metamorphic/dearer"]


def test_a_golden_case_that_ran_already_is_kept(settings: Settings) -> None:
    """The first of its repetitions; cases that no check starts from are forgotten."""
    table = Table(settings)
    case = Case(id="shop/refund", target="shop", inputs={"price": 2})
    table.runner.keep(table.till.evaluate(replace(case, id="shop/other"), "node"))
    table.runner.keep(table.till.evaluate(case, "node"))
    table.runner.keep(table.till.evaluate(replace(case, inputs={"price": 5}), "node"))
    table.till.steps.clear()

    before = table.runner.before(table.checks["metamorphic"])
    assert before
    assert before.output == {"amount": 2}
    assert table.run("metamorphic").status == "pass"
    assert table.till.steps == ["call shop/metamorphic/dearer"]


def test_the_environment_is_there_for_the_call_alone(settings: Settings) -> None:
    """The golden case is evaluated outside of them, the target built anew inside."""
    table = Table(settings)

    assert table.run("ablation").status == "fail"
    assert table.till.steps == ["call shop/refund", "build shop", "call shop/ablation/setting off"]
    assert table.till.environ == {}


def test_the_new_process_is_told_the_answer_of_this_one(settings: Settings) -> None:
    """It judges there, so that the verdict is recorded with the call."""
    table = Table(settings)
    table.run("fresh-process")

    assert table.till.steps[-1] == "elsewhere shop/fresh-process/refund after {'amount': 2}"


def test_case_that_is_not_there(settings: Settings) -> None:
    """The nearest one is named."""
    with pytest.raises(UsageError, match="no golden case 'shop/refunt', did you mean 'refund'"):
        Table(settings).run("null")


def test_what_is_not_used_is_said(settings: Settings) -> None:
    """A family without a check and without a reason is no secret."""
    (note,) = PlanBook(settings).notes()

    assert note.endswith("check families not used on shop, without a reason under not_applicable: provenance")


def test_file_without_the_target(settings: Settings) -> None:
    """A target that names a file which knows nothing of it fails."""
    (settings.root / "families.toml").write_text("schema = 1\n")
    book = PlanBook(settings)

    with pytest.raises(UsageError, match=r"there is no table \[targets.shop\]"):
        book.plan("shop")
    assert book.wanted() == frozenset()
