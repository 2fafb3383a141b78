"""The gate fails closed: whatever is missing, broken or left out, the exit code is not 0 without a word."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.conftest import Outcome, Project

INCONCLUSIVE = 6
TEMPORARY = "--e2i-store=temp"
DIES = """
import os

def die(inputs):
    os._exit(3)
"""
BREAKS_THE_GATE = """
import pytest
import e2i_eval.plugin.gatekeeper as gatekeeper

def broken(baseline, report):
    raise RuntimeError("nobody expected this")

gatekeeper.compare = broken
"""
BREAKS_A_CHECK = """
import e2i_eval.checks.expectations.output as output

def broken(*args, **kwargs):
    raise RuntimeError("this check broke")

output.differences = broken
"""
LOGS_NOTHING = """

def build_silent():
    import mlflow

    mlflow.tracing.disable()
    return build_support()
"""


@pytest.fixture(scope="module")
def accepted(new_project: Callable[[], Project]) -> Project:
    """The shop with two cases and an accepted run."""
    project = new_project()
    project.write("golden/cases/support/second.yaml", project.refund)
    project.run()
    accept = [sys.executable, "-m", "e2i_eval", "baseline", "accept", "latest", "--reason", "the first"]
    subprocess.run(accept, cwd=project.folder, check=True, capture_output=True, env=_quiet())
    return project


@pytest.fixture
def gated(accepted: Project, new_project: Callable[[], Project]) -> Project:
    """A copy of it, to be broken."""
    project = new_project()
    shutil.copytree(accepted.folder / "golden", project.folder / "golden", dirs_exist_ok=True)
    return project


def _quiet() -> dict[str, str]:
    """Return an environment in which a baseline may be accepted."""
    import os  # noqa: PLC0415  for this alone

    return {name: value for name, value in os.environ.items() if name not in {"CI", "GITHUB_ACTIONS"}}


def statuses(outcome: Outcome) -> dict[str, str]:
    """Return each rule's status, for one target."""
    return {decision["rule"]: decision["status"] for decision in outcome.report["decisions"]}


def reasons(outcome: Outcome) -> str:
    """Return why, as text."""
    return json.dumps(outcome.report["decisions"], ensure_ascii=False)


@pytest.mark.parametrize("args", [(), ("-n", "2")])
def test_nothing_changed(gated: Project, args: tuple[str, ...]) -> None:
    """Seven rules pass, as items of the same names in JUnit, with and without workers."""
    outcome = gated.run(*args, TEMPORARY, "--junitxml=junit.xml")

    assert outcome.code == 0, outcome.screen
    assert set(statuses(outcome).values()) == {"pass"}
    assert "9 passed" in outcome.screen
    assert "gate: 7 rules pass" in outcome.screen
    names = [
        (case.get("classname"), case.get("name")) for case in ET.parse(gated.folder / "junit.xml").iter("testcase")
    ]
    assert ("gate", "input_tokens:+0%[support]") in names
    assert len(names) == 9


def test_what_the_baseline_has_not_and_what_it_has_too_much(gated: Project) -> None:
    """A new case and one whose file is gone are named by every rule."""
    (gated.folder / "golden/cases/support/second.yaml").rename(gated.folder / "golden/cases/support/third.yaml")

    outcome = gated.run(TEMPORARY)

    assert outcome.code == pytest.ExitCode.TESTS_FAILED
    assert set(statuses(outcome).values()) == {"fail"}
    assert "support/third has no entry in the baseline" in reasons(outcome)
    assert "support/second is in the baseline and has no result here" in reasons(outcome)


def test_no_case_at_all(gated: Project) -> None:
    """Without its case files a target is not silently out of the gate, as long as something else is collected."""
    shutil.rmtree(gated.folder / "golden/cases/support")
    gated.write("evals/test_else.py", "def test_else():\n    assert True\n")

    outcome = gated.run(TEMPORARY)

    assert outcome.code == pytest.ExitCode.TESTS_FAILED
    assert set(statuses(outcome).values()) == {"fail"}
    assert "support/refund is in the baseline and has no result here" in reasons(outcome)


def test_no_trace_and_no_score(gated: Project) -> None:
    """A target that logs nothing has no completeness, and the gate does not take that for complete."""
    file = gated.folder / "shop/agents.py"
    file.write_text(file.read_text() + LOGS_NOTHING)
    toml = gated.folder / "pyproject.toml"
    toml.write_text(toml.read_text().replace("build_support", "build_silent"))

    outcome = gated.run(TEMPORARY, "--e2i-gate=logging_completeness:>=1")

    assert outcome.code == pytest.ExitCode.TESTS_FAILED
    assert statuses(outcome)["logging_completeness:-0%"] == "fail"
    assert statuses(outcome)["logging_completeness:>=1"] == "fail"
    assert statuses(outcome)["pass_rate:-0%"] == "fail"


def test_a_check_that_breaks(gated: Project) -> None:
    """What could not be judged is an error and no pass, of the case as of the pass rate."""
    gated.write("conftest.py", BREAKS_A_CHECK)

    outcome = gated.run(TEMPORARY)

    assert outcome.code == pytest.ExitCode.TESTS_FAILED
    assert outcome.statuses == {"support/refund": "error", "support/second": "error"}
    assert "the check itself broke: RuntimeError: this check broke" in outcome.reasons("support/refund")
    assert {rule for rule, status in statuses(outcome).items() if status != "pass"} == {"pass_rate:-0%"}


def test_a_gate_that_breaks(gated: Project) -> None:
    """It does not open; the report is written all the same."""
    gated.write("conftest.py", BREAKS_THE_GATE)

    outcome = gated.run(TEMPORARY)

    assert outcome.code == pytest.ExitCode.TESTS_FAILED
    assert set(statuses(outcome).values()) == {"fail"}
    assert "the gate itself broke, which is never a pass: RuntimeError: nobody expected this" in reasons(outcome)


def test_deselected_rules_are_said_and_nothing_selected_is_pytests_own_code(gated: Project) -> None:
    """``-k`` without the gate: the run is green, and the screen says that nothing was compared."""
    cases = gated.run(TEMPORARY, "-k", "second and not gate")
    nothing = gated.run(TEMPORARY, "-k", "nothing_at_all")

    assert cases.code == 0
    assert "7 gate rules were deselected: nothing was judged by them" in cases.screen
    assert nothing.code == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize("args", [(), ("-n", "2")])
def test_a_part_is_judged_as_a_part(gated: Project, args: tuple[str, ...]) -> None:
    """One case and one rule: the rule says that it has not seen all."""
    outcome = gated.run(*args, TEMPORARY, "-k", "second or (gate and claude_calls)")

    assert outcome.code == 0, outcome.screen
    assert statuses(outcome) == {"claude_calls:+0": "pass"}
    assert "only what ran was judged: 1 of its evaluations were not selected" in reasons(outcome)
    assert "6 gate rules were deselected" in outcome.screen


@pytest.mark.parametrize("args", [(), ("-k", "refund or gate")])
def test_a_worker_that_dies(gated: Project, args: tuple[str, ...]) -> None:
    """Its case was to run, and the gate knows, also where not all were to."""
    gated.write("shop/dying.py", DIES)
    toml = gated.folder / "pyproject.toml"
    toml.write_text(toml.read_text().replace("shop.agents:build_support", "shop.dying:die"))

    outcome = gated.run("-n", "2", "--max-worker-restart=0", TEMPORARY, *args)

    assert outcome.code == pytest.ExitCode.TESTS_FAILED
    assert set(statuses(outcome).values()) == {"fail"}


def test_a_damaged_baseline_and_a_wrong_rule_stop_at_the_door(gated: Project) -> None:
    """Nothing is evaluated by what cannot be read."""
    wrong = gated.run(TEMPORARY, "--e2i-gate=input_token:+0%")
    missing = gated.run(TEMPORARY, "--e2i-baseline=mian")
    file = gated.folder / "golden/baselines/main.json"
    file.write_text(file.read_text().replace("3", "4"))
    damaged = gated.run(TEMPORARY)

    assert {wrong.code, missing.code, damaged.code} == {pytest.ExitCode.USAGE_ERROR}
    assert "did you mean 'input_tokens'?" in wrong.screen
    assert "did you mean 'main'?" in missing.screen
    assert "changed by hand" in damaged.screen
    assert "passed" not in wrong.screen + missing.screen + damaged.screen


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ((), INCONCLUSIVE),
        (("-n", "2"), INCONCLUSIVE),
        (("--e2i-inconclusive=pass",), 0),
        (("--e2i-inconclusive=fail",), pytest.ExitCode.TESTS_FAILED),
    ],
)
def test_what_nobody_measured_is_inconclusive(gated: Project, args: tuple[str, ...], code: int) -> None:
    """A rule on overhead without a measurement: exit code 6, or what the flag says; the screen says which."""
    outcome = gated.run(*args, TEMPORARY, "--e2i-gate=overhead_ms:<50", "-k", "refund or overhead_ms")

    assert outcome.code == code, outcome.screen
    assert statuses(outcome) == {"overhead_ms:<50": "inconclusive"}
    assert "was not measured in this session" in outcome.screen
    assert "--e2i-inconclusive" in outcome.screen


@pytest.mark.parametrize("args", [(), ("-n", "2")])
def test_a_failure_is_not_hidden_by_what_could_not_be_told(gated: Project, args: tuple[str, ...]) -> None:
    """A case that fails beside a rule that nobody measured: pytest's own code for a failure, not 6."""
    wrong = gated.refund.replace('output: {answer: "It was paid on Monday."}', "output: {answer: other}")
    gated.write("golden/cases/support/refund.yaml", wrong)

    outcome = gated.run(*args, TEMPORARY, "--e2i-gate=overhead_ms:<50", "-k", "refund or overhead_ms")

    assert outcome.code == pytest.ExitCode.TESTS_FAILED, outcome.screen
    assert statuses(outcome) == {"overhead_ms:<50": "inconclusive"}


def test_stopped_early_and_no_baseline_are_said(gated: Project) -> None:
    """``-x``: the gate was not asked. ``--e2i-baseline=none`` with a rule that needs one: it fails."""
    wrong = gated.refund.replace('output: {answer: "It was paid on Monday."}', "output: {answer: other}")
    gated.write("golden/cases/support/refund.yaml", wrong)

    stopped = gated.run(TEMPORARY, "-x")
    without = gated.run(TEMPORARY, "--e2i-baseline=none", "--e2i-gate=input_tokens:+0%")

    assert "7 gate rules were not judged: the session ended before them" in stopped.screen
    assert statuses(without) == {"input_tokens:+0%": "fail"}
    assert "there is nothing to compare with: --e2i-baseline=none" in reasons(without)


def test_quarantine_lets_a_case_through_until_its_day(gated: Project) -> None:
    """A failing case is reported and does not block; after the day it does, and says why."""
    wrong = gated.refund.replace('output: {answer: "It was paid on Monday."}', "output: {answer: other}")
    gated.write("golden/cases/support/refund.yaml", wrong)
    entry = '[[case]]\nid = "support/refund"\nreason = "a known fault"\nuntil = {}\n'
    gated.write("golden/quarantine.toml", entry.format(_day(+30)))
    active = gated.run(TEMPORARY)
    gated.write("golden/quarantine.toml", entry.format(_day(-1)))
    expired = gated.run("-n", "2", TEMPORARY)

    assert active.code == 0, active.screen
    assert "1 xfailed" in active.screen
    assert "support/refund does not pass and does not block: quarantined until" in active.screen
    assert active.report["notes"]
    assert expired.code == pytest.ExitCode.TESTS_FAILED
    assert f"support/refund blocks again: its quarantine ended on {_day(-1)}" in expired.screen


def _day(distance: int) -> str:
    """Return a day so many days from today, in UTC."""
    import datetime as dt  # noqa: PLC0415  for this alone

    return (dt.datetime.now(tz=dt.UTC).date() + dt.timedelta(days=distance)).isoformat()
