"""Evaluations written in Python, and the whole of a green run on a server of the team's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from e2i_eval.tracking import TemporaryServer, TrackingClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.plugin.conftest import Outcome, Project

EVALS = """
import anthropic
import pytest

from e2i_eval.core.exchange import Exchange

SAID = [
    {"node": "plan", "text": "look it up"},
    {"node": "act", "tool_use": {"name": "lookup_order", "input": {"order_id": 7}}},
    {"node": "answer", "text": "Paid."},
]


@pytest.mark.e2i("support")
def test_evaluate(evaluate, traces):
    evaluation = evaluate(evaluate.case({"question": "Paid?"}, claude=SAID))
    assert evaluation.evidence.run.output == {"answer": "Paid."}
    assert [trace.trace_id for trace in traces(evaluation)] == list(evaluation.result.trace_ids)


@pytest.mark.e2i("support")
def test_each_golden_case(case, evaluate):
    assert evaluate(case).result.case_id == case.id == f"support/{case.id.partition('/')[2]}"


@pytest.mark.e2i("support")
def test_unchecked(evaluate):
    evaluation = evaluate(evaluate.case({"question": "Paid?"}, claude=SAID, expect={"output": 0}), check=False)
    assert evaluation.result.status == "fail"


@pytest.mark.e2i("support")
def test_own_judgement(evaluate):
    evaluation = evaluate(evaluate.case({"question": "Paid?"}, claude=SAID))
    assert evaluation.evidence.run.output == {"answer": "Not paid."}, "the shop never says no"


@pytest.mark.e2i
def test_claude(claude):
    claude.script([{"text": "Hello."}, {"text": "Bye.", "usage": {"input_tokens": 5, "output_tokens": 2}}])
    client = anthropic.Anthropic()
    texts = [ask(client, text) for text in ("Hi", "Bye")]
    assert texts == ["Hello.", "Bye."]
    assert [type(each) for each in claude.exchanges] == [Exchange, Exchange]
    assert claude.exchanges[1].usage.input_tokens == 5
    assert claude.exchanges[0].request["messages"] == [{"role": "user", "content": "Hi"}]


@pytest.mark.e2i
def test_claude_not_asked(claude):
    claude.script([{"text": "Never said."}])


@pytest.mark.e2i
def test_claude_misspelt(claude):
    claude.script([{"txt": "Hello."}])


@pytest.mark.e2i
def test_server(mlflow_server, claude):
    import os
    assert mlflow_server == os.environ["MLFLOW_TRACKING_URI"]


@pytest.mark.e2i("support")
def test_no_such_target(evaluate):
    evaluate(evaluate.case({"question": "?"}, target="suport"))


@pytest.mark.e2i("nobody")
def test_no_golden(case, evaluate):
    raise AssertionError("there is no case to come here with")


def ask(client, text):
    said = client.messages.create(
        model="claude-sonnet-5-5", max_tokens=64, messages=[{"role": "user", "content": text}]
    )
    return said.content[0].text
"""


@pytest.fixture(scope="module")
def project(new_project: Callable[[], Project]) -> Project:
    """The shop with evaluations in Python, and an ordinary test beside them."""
    made = new_project()
    made.write("evals/test_shop.py", EVALS)
    made.write("tests/test_plain.py", "def test_plain():\n    pass\n")
    return made


@pytest.fixture(scope="module")
def team_server(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[TemporaryServer]:
    """A server that was there before."""
    store = tmp_path_factory.mktemp("team") / "store"
    server = TemporaryServer.start(store=store, cache=cache, environ=os.environ)
    server.wait_ready()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def outcome(project: Project, team_server: TemporaryServer) -> Outcome:
    """One run of everything, on the team's server, from an ini option."""
    return project.run("--e2i-tracking-uri", team_server.uri, "--junitxml=junit.xml")


def test_what_should_pass_passes(outcome: Outcome) -> None:
    """The rest fails, each for its own reason, and the ordinary test is not run."""
    assert outcome.code == pytest.ExitCode.TESTS_FAILED
    assert "3 failed, 7 passed, 2 errors" in outcome.screen
    assert "test_plain" not in outcome.screen


@pytest.mark.parametrize(
    "message",
    [
        "nobody asked for answer 1 (any node): 'Never said.'",
        "unknown key 'txt' in 'claude.0', did you mean 'text'?",
        "there is no target 'suport'\n  fix: did you mean 'support'?",
        "cases/nobody: there is no golden case of target 'nobody'\n  fix: write a first one",
        "AssertionError: the shop never says no",
    ],
)
def test_each_mistake_is_explained(outcome: Outcome, message: str) -> None:
    """Mistakes in a test's use of the fixtures are told without the plugin's own traceback."""
    assert message in outcome.screen
    assert "plugin/fixtures.py" not in outcome.screen


def test_what_a_test_finds_is_in_the_report(outcome: Outcome) -> None:
    """A case that passes its checks in a test that fails is no pass; one left to the test is the test's."""
    assert outcome.statuses == {
        "support/refund": "pass",
        "support/test_evaluate-1": "pass",
        "support/test_own_judgement-1": "fail",
        "support/test_no_such_target": "error",
        "nobody/test_no_golden[none]": "error",
        "tests/test_claude_not_asked": "fail",
        "tests/test_claude_misspelt": "error",
    }
    assert "the shop never says no" in outcome.reasons("support/test_own_judgement-1")


def test_the_run_is_on_the_team_server(outcome: Outcome, team_server: TemporaryServer, tmp_path: Path) -> None:
    """Session, target and cases are recorded there, and no server was started and no store made."""
    client = TrackingClient(team_server.uri, environ={}, scratch=tmp_path)
    sessions = client.session_runs()
    (support,) = client.children(sessions[0].run_id)
    cases = client.children(support.run_id)
    client.close()

    assert [run.run_id for run in sessions] == [outcome.report["session"]["run_id"]]
    assert outcome.report["session"]["tracking_uri"] == team_server.uri
    assert len(cases) == 5
    assert {run.status for run in cases} == {"FINISHED", "FAILED"}


def test_nothing_else_is_left(outcome: Outcome, project: Project) -> None:
    """The report alone, besides what pytest was asked for."""
    left = project.files() - {"junit.xml"}

    assert outcome.code
    assert {path for path in left if path.startswith(".e2i")} == {
        f".e2i/report.{ending}" for ending in ("html", "json", "md")
    }
    assert list(project.temporary.glob("e2i-eval-*")) == []


def test_junit_knows_every_item(outcome: Outcome, project: Project) -> None:
    """One test case an item, with the reason of each that failed."""
    cases = ET.parse(project.folder / "junit.xml").getroot().findall(".//testcase")

    assert outcome.code
    assert len(cases) == 11
    assert "support/refund" in {case.get("name") for case in cases}
    reasons = [each.text or "" for case in cases for each in (*case.findall("failure"), *case.findall("error"))]
    assert len(reasons) == 5
    assert any("did you mean 'support'?" in reason for reason in reasons)


def test_without_the_flag_none_is_run(project: Project) -> None:
    """Evaluations and case files wait for the flag."""
    outcome = project.run("-p", "no:cacheprovider", "evals", "tests", "golden", enable=False)

    assert outcome.code == pytest.ExitCode.OK
    assert "1 passed, 10 deselected" in outcome.screen
