"""Cases that are run several times: in mock they come out the same, live they are reduced, and 6 means undecided."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.conftest import Outcome, Project, Upstream

AGENTS = '''
"""Agents of one node that ask one question."""

import itertools
from typing import TypedDict

from langchain_anthropic import ChatAnthropic
from langgraph.graph import END, START, StateGraph

COUNT = itertools.count()


class State(TypedDict, total=False):
    question: str
    answer: str


def build(system):
    def ask(state):
        claude = ChatAnthropic(model_name="claude-sonnet-5-5", max_tokens_to_sample=64, timeout=20, stop=None)
        return {"answer": str(claude.invoke([("system", system()), ("user", state["question"])]).text)}

    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    return graph.compile()


def drifting():
    return build(lambda: f"This is question number {next(COUNT)}.")


def steady():
    return build(lambda: "steady")


def lucky():
    return build(lambda: "lucky")


def hopeless():
    return build(lambda: "hopeless")
'''

CASE = """
schema: 1
inputs: {question: "Is it open?"}
claude: [{text: "Yes."}]
expect:
  values: {answer: {equals: "Yes."}}
"""

TEST = """
import pytest


@pytest.mark.e2i("steady")
def test_steady(evaluate, case):
    assert evaluate(case).result.repeat == 2
"""

ANSWERS = {"steady": "+++++", "lucky": "--+", "hopeless": "+-"}
"""What Claude says to each agent, by turns: ``+`` is right. The last goes on for ever."""


def add(project: Project, *names: str) -> None:
    """Add agents that ask one question."""
    project.write("shop/askers.py", AGENTS)
    for name in names:
        project.add_target(name, case=CASE, entry=f"shop.askers:{name}", logging="mlflow.langchain:autolog")


@pytest.fixture(scope="module", params=[(), ("-n", "2")], ids=["plain", "-n 2"])
def mock(request: pytest.FixtureRequest, new_project: Callable[[], Project]) -> Outcome:
    """Three repetitions of a steady and a drifting agent, from files and from a test."""
    project = new_project()
    add(project, "steady", "drifting")
    project.write("evals/test_steady.py", TEST)
    return project.run("--e2i-repeat=3", "-k", "steady or drifting", *request.param)


def test_mock_repetitions_must_agree(mock: Outcome) -> None:
    """A prompt that changes from run to run is found, although every run for itself passes."""
    verdicts = {(each["case_id"], each["nodeid"].partition("/")[0]): each for each in mock.report["repeated"]}
    drifting = verdicts["drifting/one", "golden"]

    assert mock.code == pytest.ExitCode.TESTS_FAILED, mock.screen
    assert drifting["reason"] == (
        "the target is not deterministic: repetition 2 differs from the first in the prompt of call 1 (node 'ask')"
    )
    assert (drifting["status"], drifting["repeats"], drifting["planned"]) == ("fail", 2, 3)
    assert drifting["reason"] in mock.screen
    assert "This is question number" in mock.screen
    for place in ("golden", "evals"):
        assert (verdicts["steady/one", place]["status"], verdicts["steady/one", place]["repeats"]) == ("pass", 3)


def test_a_case_counts_once_and_every_run_is_recorded(mock: Outcome) -> None:
    """Two of three cases pass; eight runs, each with a script, a trace and a run on the server of its own."""
    cases = mock.report["cases"]
    runs = Counter((case["case_id"], case["repeat"]) for case in cases)

    assert runs == {
        **{("steady/one", number): 2 for number in range(3)},
        **{("drifting/one", number): 1 for number in range(2)},
    }
    assert len({case["run_id"] for case in cases}) == len({trace for case in cases for trace in case["trace_ids"]}) == 8
    assert mock.report["targets"]["steady"]["cases_passed"] == 2
    assert mock.report["targets"]["drifting"]["cases"] == 1
    assert "repeated: 3 cases, 8 runs, and every run of a case must give the same result" in mock.screen
    assert mock.report["problems"] == []


@pytest.fixture
def api(upstream: Callable[..., Upstream]) -> Upstream:
    """An API that answers rightly or wrongly, by turns, as an agent's marks say."""
    turns: Counter[str] = Counter()

    def content(request: dict[str, Any]) -> dict[str, Any]:
        agent = request["system"]
        mark = ANSWERS[agent][min(turns[agent], len(ANSWERS[agent]) - 1)]
        turns[agent] += 1
        return {"type": "text", "text": "Yes." if mark == "+" else "No."}

    return upstream(content)


@pytest.fixture
def live(project: Project, api: Upstream) -> Callable[..., Outcome]:
    """Return a function that runs agents live, with a reducer for each."""

    def run(*args: str, **reducers: str) -> Outcome:
        add(project, *reducers)
        file = project.folder / "pyproject.toml"
        text = file.read_text()
        for name, reducer in reducers.items():
            table = f"[tool.e2i_eval.targets.{name}]"
            text = text.replace(table, f"{table}\nreduce = {json.dumps(reducer)}\nrepeat = 3")
        file.write_text(text)
        env = {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": "sk-ant-for-a-server-of-our-own"}
        targets = [f"--e2i-target={name}" for name in reducers]
        return project.run("--e2i-claude=live", *targets, *args, env=env)

    return run


def repeated(outcome: Outcome) -> dict[str, dict[str, Any]]:
    """Return the verdicts of repeated cases by target."""
    return {each["target"]: each for each in outcome.report["repeated"]}


def test_live_is_undecided_until_it_is_decided(live: Callable[..., Outcome]) -> None:
    """One in three is enough for pass@3; three of three say little of 90 %, and that is exit code 6."""
    outcome = live(steady="mean:0.9", lucky="pass@3")
    verdicts = repeated(outcome)

    assert outcome.code == 6, outcome.screen
    assert verdicts["lucky"]["reason"] == "1 of 3 repetitions passed, which meets pass@3"
    assert verdicts["steady"]["status"] == "inconclusive"
    assert verdicts["steady"]["pass_rate"]["low"] == pytest.approx(0.4385, abs=1e-4)
    assert "? steady/one: 3 of 3 repetitions passed, which leaves mean:0.9 open" in outcome.screen
    assert "to decide it: --e2i-repeat=" in outcome.screen
    assert outcome.report["targets"]["steady"]["cases_inconclusive"] == 1
    assert outcome.report["targets"]["lucky"]["cases_passed"] == 1
    assert "1 passed, 1 inconclusive" in outcome.screen


def test_live_stops_when_it_is_decided(live: Callable[..., Outcome], api: Upstream) -> None:
    """The flag wins over the target's number; two runs are enough to see that not all pass."""
    outcome = live("--e2i-repeat=5", hopeless="pass^3")

    assert outcome.code == pytest.ExitCode.TESTS_FAILED
    assert [request["system"] for request in api.asked] == ["hopeless"] * 2
    assert repeated(outcome)["hopeless"]["reason"] == "1 of 2 repetitions passed, which breaks pass^3"
    assert "✗ values" in outcome.screen


def test_what_a_test_finds_is_no_repetitions_luck(live: Callable[..., Outcome], project: Project) -> None:
    """A test of its own that fails after a reduced case passed is in the report, in the last repetition."""
    test = TEST.replace("steady", "lucky").replace("== 2", '== "never"')
    project.write("evals/test_lucky.py", test)
    outcome = live("-k", "test_lucky", lucky="pass@3")
    checks: dict[int, list[str]] = defaultdict(list)
    for case in outcome.report["cases"]:
        checks[case["repeat"]] += [each["check"] for each in case["verdicts"] if each["status"] == "fail"]

    assert outcome.code == pytest.ExitCode.TESTS_FAILED
    assert checks == {0: ["values"], 1: ["values"], 2: ["test"]}
    assert repeated(outcome)["lucky"]["status"] == "fail"
    assert outcome.report["targets"]["lucky"]["cases_failed"] == 1


def test_a_wrong_reducer_is_refused_at_the_door(live: Callable[..., Outcome]) -> None:
    """With the line of its target."""
    outcome = live(lucky="median")

    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert "the reducer 'median' is none" in outcome.screen
