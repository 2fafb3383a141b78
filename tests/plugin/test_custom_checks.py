"""Checks of the project judge beside the built-in ones, wherever they are named and wherever a case runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.conftest import Outcome, Project

EVALS = """
import pytest

from e2i_eval import Case, Verdict, check

SAID = [
    {"node": "plan", "text": "look it up"},
    {"node": "act", "tool_use": {"name": "lookup_order", "input": {"order_id": 7}}},
    {"node": "answer", "text": "Monday."},
]


def short(evidence):
    return Verdict(status="pass", reason="short enough")


@check(name="never-long")
def length(evidence):
    return Verdict(status="fail", reason="too long")


@pytest.mark.e2i("support")
def test_given_to_evaluate(evaluate):
    made = evaluate.case({"question": "Paid?"}, claude=SAID)
    verdicts = {each.check: each.status for each in evaluate(made, checks=[short]).result.verdicts}
    assert verdicts["short"] == verdicts["names_a_day"] == "pass"


@pytest.mark.e2i("support")
def test_unchecked(evaluate):
    made = evaluate.case({"question": "Paid?"}, claude=SAID)
    evaluation = evaluate(made, check=False, checks=[length, "shop.checks:breaks"])
    verdicts = {each.check: each.status for each in evaluation.result.verdicts}
    assert (verdicts["never-long"], verdicts["breaks"]) == ("fail", "error")


@pytest.mark.e2i("quiet")
def test_on_a_case_of_its_own(evaluate):
    made = Case(id="quiet/made", target="quiet", inputs={}, checks=(short,))
    assert "short" in [each.check for each in evaluate(made, check=False).result.verdicts]


@pytest.mark.e2i("support")
def test_failing(evaluate):
    evaluate(evaluate.case({"question": "Paid?"}, claude=SAID), checks=[length])


@pytest.mark.e2i("support")
def test_twins(evaluate):
    evaluate(evaluate.case({"question": "Paid?"}, claude=SAID), checks=["shop.checks:names_a_day"])
"""

FAMILIES = """
schema = 1

[targets.support.not_applicable]
truth = "a sample"
null = "a sample"
metamorphic = "a sample"
knock-out = "a sample"
provenance = "a sample"

[targets.support.fresh-process.anew]
case = "refund"
"""


@pytest.fixture(scope="module")
def project(new_project: Callable[[], Project]) -> Project:
    """A shop with checks on its target, on a case, and in Python tests."""
    project = new_project()
    project.configure("""
        checks = ["shop.checks:names_a_day", "shop.checks:asks_the_wire", "shop.checks:never_applies"]
        families = "families.toml"

        [tool.e2i_eval.targets.quiet]
        entry = "shop.desk:silent"
    """)
    project.write("families.toml", FAMILIES)
    project.write("shop/desk.py", "def silent(inputs):\n    return {}\n")
    project.write("golden/cases/support/sorry.yaml", f'{project.refund}checks: ["shop.checks:says_sorry"]\n')
    project.write("golden/cases/support/rated.yaml", f'{project.refund}checks: ["shop.checks:breaks"]\n')
    project.write("golden/cases/support/lost.yaml", f'{project.refund}checks: ["shop.checks:says_sory"]\n')
    project.write("evals/test_own.py", EVALS)
    return project


@pytest.fixture(scope="module")
def outcome(project: Project) -> Outcome:
    """One run, with two workers and a rule of the gate."""
    return project.run("-n", "2", "--e2i-gate=pass_rate:>=1")


def verdicts(outcome: Outcome, case_id: str) -> dict[str, str]:
    """Return the status of each check of a case."""
    return {each["check"]: each["status"] for each in outcome.cases[case_id]["verdicts"]}


def test_they_are_in_the_report_like_built_in_ones(outcome: Outcome) -> None:
    """Behind those, in the order they are named; one that does not apply is skipped."""
    judged = verdicts(outcome, "support/refund")

    assert list(judged)[-3:] == ["names_a_day", "asks_the_wire", "never_applies"]
    assert [judged[name] for name in list(judged)[-3:]] == ["pass", "pass", "skip"]
    assert verdicts(outcome, "support/sorry")["apologetic"] == "fail"
    assert outcome.statuses["support/sorry"] == "fail"


def test_one_that_breaks_is_an_error_at_the_users_line(outcome: Outcome, project: Project) -> None:
    """Never a pass, and nothing of what was evaluated is called wrong."""
    line = (
        (project.folder / "shop/checks.py")
        .read_text()
        .splitlines()
        .index('    return Verdict(status="pass", reason=str(evidence.run.output["rating"]))')
    )

    reasons = outcome.reasons("support/rated")

    assert outcome.statuses["support/rated"] == "error"
    assert f"the check itself broke: KeyError: 'rating' ({project.folder / 'shop/checks.py'}:{line + 1})" in reasons


def test_a_wrong_name_on_a_case_stops_that_case(outcome: Outcome) -> None:
    """As every mistake in a case file does: with its line, and the nearest name."""
    reasons = outcome.reasons("support/lost")

    assert "golden/cases/support/lost.yaml:" in reasons
    assert "checks = 'shop.checks:says_sory' of case 'support/lost': shop.checks has no 'says_sory'" in reasons
    assert "did you mean 'says_sorry'?" in reasons


def test_they_are_on_the_screen_and_in_the_gate(outcome: Outcome) -> None:
    """A failing check fails its item, the session and the rule; the decision names the case."""
    assert outcome.code == pytest.ExitCode.TESTS_FAILED
    assert "✗ apologetic: no word of regret" in outcome.screen
    assert "the shop is not sorry" in outcome.screen
    (decision,) = [each for each in outcome.report["decisions"] if each["target"] == "support"]
    assert decision["status"] == "fail"
    assert "support/sorry does not pass: apologetic" in json.dumps(decision)


def test_python_tests_add_their_own(outcome: Outcome) -> None:
    """Passed by function or by name, to ``evaluate`` or on the case."""
    failed = {line.split(" ")[1] for line in outcome.screen.splitlines() if line.startswith("FAILED evals")}

    assert failed == {"evals/test_own.py::test_failing", "evals/test_own.py::test_twins"}
    assert "case 'support/test_twins-1' has 2 checks named 'names_a_day'" in outcome.screen


def test_a_fresh_process_has_them_too(outcome: Outcome) -> None:
    """The new interpreter reads the same configuration."""
    (fresh,) = [name for name in outcome.cases if "fresh-process" in name]

    assert verdicts(outcome, fresh)["asks_the_wire"] == "pass"


def test_the_page_shows_them(outcome: Outcome, project: Project) -> None:
    """The text for a pull request too."""
    assert outcome.report
    page, text = ((project.folder / ".e2i" / name).read_text() for name in ("report.html", "report.md"))

    for shown in (page, text):
        assert "apologetic" in shown
        assert "the check itself broke: KeyError" in shown


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_wrong_name_on_a_target_stops_everything(
    new_project: Callable[[], Project], workers: tuple[str, ...]
) -> None:
    """Before a case runs: with target, value, line and nearest name."""
    project = new_project()
    project.configure('checks = ["shop.checks:names_the_day"]')

    outcome = project.run(*workers)

    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert "pyproject.toml:9: checks = 'shop.checks:names_the_day' of target 'support'" in outcome.screen
    assert "did you mean 'names_a_day'?" in outcome.screen
    assert outcome.report == {}
    assert "passed" not in outcome.screen
