"""A stranger's suite in two modes, and what its cases exercise of two graphs."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

SPENDING = ("record", "mock", "--max-cost=1", "--json=a.json", "--reports=kept", "--", "-p", "no:benchmark")
OTHER = """
schema: 1
inputs: {question: "And my second refund?"}
claude:
  - {node: plan, text: "look it up"}
  - {node: act, tool_use: {name: lookup_order, input: {order_id: 7}}}
  - {node: answer, text: "It was paid on Tuesday."}
"""
CLERK = """
from typing import Literal, TypedDict

import mlflow
from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    amount: int
    done: str


def weigh(state: State) -> State:
    with mlflow.start_span("weigh"):
        return {}


def choose(state: State) -> Literal["pay", "ask"]:
    return "pay" if state["amount"] < 100 else "ask"


def pay(state: State) -> State:
    return {"done": "paid"}


def ask(state: State) -> State:
    return {"done": "asked"}


def build():
    graph = StateGraph(State)
    for node in (weigh, pay, ask):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "weigh")
    graph.add_conditional_edges("weigh", choose)
    graph.add_edge("pay", END)
    graph.add_edge("ask", END)
    return graph.compile()
"""
SMALL = """
schema: 1
inputs: {amount: 10}
expect:
  output: {amount: 10, done: paid}
"""


def agree(project: Project, *args: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command in the project."""
    return subprocess.run(
        [sys.executable, "-m", "e2i_eval", "agree", *args],
        cwd=project.folder,
        env=project.environ(env),
        text=True,
        capture_output=True,
        check=False,
    )


def test_the_one_case_whose_script_differs_from_its_recording_is_named(project: Project, claude_uri: str) -> None:
    """Mock and replay agree on the other; nothing is spent unasked, and nothing is left but what was asked for."""
    project.write("golden/cases/support/second.yaml", OTHER)
    live = {"ANTHROPIC_BASE_URL": claude_uri, "ANTHROPIC_API_KEY": "sk-ant-none"}
    gone = {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}

    unasked = agree(project, "mock", "record", env=live)
    assert (unasked.returncode, unasked.stdout) == (4, "")
    assert "add --max-cost=USD" in unasked.stderr

    said = agree(project, *SPENDING, env=live)
    assert said.returncode == 1, said.stdout + said.stderr
    told = json.loads((project.folder / "a.json").read_text())
    (wrong,) = [case for case in told["cases"] if case["disagreements"]]
    assert wrong["case_id"] == "support/second"
    (difference,) = wrong["disagreements"]
    assert difference["kind"] == "output"
    assert difference["place"] == "root['answer']"
    assert "Monday" in difference["first"]
    assert "Tuesday" in difference["second"]
    assert (len(told["cases"]), told["rate"]["value"]) == (2, 0.5)
    assert told["token_tolerance"] is None
    assert "✗ support/second" in said.stdout

    mocked = project.folder / "kept" / "2-mock"
    stored = agree(project, str(mocked), str(mocked / "report.json"), env=gone)
    assert stored.returncode == 0, stored.stdout + stored.stderr
    assert "mock and mock agree on 2 of 2 cases" in stored.stdout
    (coverage,) = json.loads((mocked / "report.json").read_text())["coverage"]
    assert coverage["counts"] == {
        "nodes": {"exercised": 3, "declared": 3},
        "edges": {"exercised": 4, "declared": 4},
        "tools": {"exercised": 1, "declared": 1},
    }
    assert {known for _, _, _, known in coverage["parts"]} == {"trace", "wire"}


def test_what_no_case_exercises_is_named(project: Project) -> None:
    """Also from workers, and where spans are made by hand; a part of the suite calls nothing uncovered."""
    project.write("shop/clerk.py", CLERK)
    project.add_target("clerk", case=SMALL, entry="shop.clerk:build")

    whole = project.run("-n", "2", "--e2i-gate=clerk/coverage_branches:>=1")
    assert whole.code == 1, whole.screen
    line = "coverage: 1 of 2 targets are fully covered; clerk: 1 of 3 nodes not run, 1 of 3 edges not run, "
    assert f"{line}1 of 2 branches not run" in whole.screen
    assert "no case exercises weigh → ask (choose)" in whole.screen
    by_target = {each["target"]: each for each in whole.report["coverage"]}
    assert by_target["clerk"]["missing"] == {
        "nodes": ["ask"],
        "edges": ["ask → END"],
        "branches": ["weigh → ask (choose)"],
    }
    assert {known for _, _, _, known in by_target["clerk"]["parts"]} == {"process", ""}
    page = (project.folder / ".e2i" / "report.md").read_text()
    assert "- ➖ `clerk`: branches not run: `weigh → ask (choose)`" in page  # noqa: RUF001  the sign of the report
    html = (project.folder / ".e2i" / "report.html").read_text()
    assert "<code>weigh → ask (choose)</code>" in html
    (database,) = (project.folder / ".e2i" / "mlflow").rglob("*.db")
    with sqlite3.connect(database) as store:
        rows = store.execute("select value from latest_metrics where key = 'coverage.branches_missing'").fetchall()
    store.close()
    assert rows == [(1.0,)]

    part = project.run("-k", "clerk", "--e2i-store=temp")
    assert part.code == 0, part.screen
    assert "(only part of the suite ran: the run was narrowed by -k clerk" in part.screen
    assert "not run" not in (project.folder / ".e2i" / "report.md").read_text()
