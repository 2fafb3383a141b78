"""Fanning out and joining: what branches survive, in which order they are told, and what Claude sees of them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.errors import GraphInterrupt

from e2i.agents import catalogue
from e2i.agents.grounding import ungrounded
from e2i.agents.orchestrator.branch import asked
from e2i.agents.orchestrator.digest import MAX_ITEMS, digest, stated_figures
from e2i.agents.orchestrator.specialist import KNOWLEDGE, SPECIALISTS, inputs_for
from e2i.agents.orchestrator.state import Output
from e2i.config import agent_config, using

Script = Callable[..., list[dict[str, Any]]]
Answers = dict[str, Any]

QUESTION = {"question": "why?", "brand": "Kisqali"}
DOWN = {"error": {"status": 529}, "forever": True}


def routing(*agents: str, confidence: float = 0.9, reason: str = "because") -> dict[str, Any]:
    """Return Claude's choice of ``agents`` as an entry."""
    chosen = {"agents": list(agents), "confidence": confidence, "reason": reason}
    return {"tool_use": {"name": "Routing", "input": chosen}}


def joint(text: str) -> dict[str, Any]:
    """Return Claude's joint answer as an entry."""
    return {"tool_use": {"name": "JointAnswer", "input": {"answer": text, "findings": ["That is all."]}}}


def told(agent: str, **more: object) -> Answers:
    """Return an answer as agents give it."""
    return {
        "agent": agent,
        "status": "ok",
        "reason": "",
        "provenance": "computed",
        "claude_status": "answered",
        "claude_reason": "",
        "narrative": f"{agent} has spoken.",
        **more,
    }


@pytest.fixture
def cast(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return ``cast(agent=function or answer)``: those agents are played by these."""

    def play(**parts: Callable[..., Answers] | Answers) -> None:
        def runnable(agent: str) -> RunnableLambda[Any, Any]:
            part = parts[agent]
            return RunnableLambda(part if callable(part) else lambda _: part)

        monkeypatch.setattr("e2i.agents.orchestrator.branch.runnable", runnable)

    return play


def ask(inputs: dict[str, Any], config: RunnableConfig | None = None) -> Any:  # noqa: ANN401  # any JSON
    """Return the orchestrator's output."""
    return catalogue.build("orchestrator").invoke(inputs, config)


def user_message(body: dict[str, Any]) -> str:
    """Return what Claude was told besides the system prompt."""
    return str(body["messages"][0]["content"])


def facts_of(body: dict[str, Any]) -> Any:  # noqa: ANN401  # any JSON
    """Return the facts in a request to Claude."""
    return json.loads(user_message(body).split("<facts>")[1].split("</facts>")[0])


def test_every_agent_of_the_catalogue_can_be_asked_except_the_orchestrator() -> None:
    """Nobody is forgotten, and asking itself is impossible."""
    assert set(SPECIALISTS) == {*catalogue.AGENTS, KNOWLEDGE} - {"orchestrator"}


def test_branches_run_at_once_and_are_told_by_tier_and_name(claude: Script, cast: Callable[..., None]) -> None:
    """Each waits for the other to have begun; the slower one is told first all the same."""
    both, gap_done = threading.Barrier(2, timeout=20), threading.Event()

    def causal(_: object) -> Answers:
        both.wait()
        gap_done.wait(20)
        return told("causal_impact")

    def gap(_: object) -> Answers:
        both.wait()
        gap_done.set()
        return told("gap_analyzer")

    cast(causal_impact=causal, gap_analyzer=gap)
    sent = claude(routing("gap_analyzer", "causal_impact"), joint("Both spoke."))
    output = ask(QUESTION)

    assert [one["agent"] for one in output["dispatched"]] == ["causal_impact", "gap_analyzer"]
    assert [one["agent"] for one in facts_of(sent[-1])["answers"]] == ["causal_impact", "gap_analyzer"]
    assert list(output["answers"]) == ["causal_impact", "gap_analyzer"]


def test_prompts_do_not_depend_on_who_ends_first(claude: Script, cast: Callable[..., None]) -> None:
    """Whichever branch is slower, the same bytes go to Claude."""
    seen = set()
    for slow in ("causal_impact", "gap_analyzer"):
        done = threading.Event()

        def part(agent: str, slow: str = slow, done: threading.Event = done) -> Callable[[object], Answers]:
            def answer(_: object) -> Answers:
                if agent == slow:
                    done.wait(20)
                done.set()
                return told(agent)

            return answer

        cast(causal_impact=part("causal_impact"), gap_analyzer=part("gap_analyzer"))
        sent = claude(routing("gap_analyzer", "causal_impact"), joint("Both spoke."))
        ask(QUESTION)
        seen.add(json.dumps(sent[-1]))

    assert len(seen) == 1


def test_a_failing_branch_does_not_take_the_others_along(claude: Script, cast: Callable[..., None]) -> None:
    """It is recorded with class and message; Claude learns the class alone, for a message may hold anything."""

    def broken(_: object) -> Answers:
        msg = "no route to 10.0.0.7, password hunter2"
        raise RuntimeError(msg)

    cast(causal_impact=broken, gap_analyzer=told("gap_analyzer", gap_score=0.18))
    sent = claude(routing("causal_impact", "gap_analyzer"), joint("The gap is 18 %."))
    output = ask(QUESTION)

    assert output["dispatched"][0] == {
        "agent": "causal_impact",
        "tier": 2,
        "status": "failed",
        "reason": "RuntimeError: no route to 10.0.0.7, password hunter2",
        "provenance": None,
    }
    assert (output["status"], output["agents_dispatched"], output["agents_failed"]) == ("ok", 2, 1)
    assert output["narrative"].startswith("The gap is 18 %.")
    assert facts_of(sent[-1])["missing"] == [
        {"agent": "causal_impact", "status": "failed", "why": "RuntimeError", "why_figures": []}
    ]
    assert "hunter2" not in json.dumps(sent)


def test_a_single_agent_that_fails_leaves_an_honest_answer(claude: Script, cast: Callable[..., None]) -> None:
    """Nothing answered, so nothing is concluded."""

    def broken(_: object) -> Answers:
        raise ZeroDivisionError

    cast(gap_analyzer=broken)
    claude(routing("gap_analyzer"))
    output = ask(QUESTION)

    assert (output["status"], output["provenance"], output["answers"]) == ("declined", "canned", {})
    assert "gap_analyzer failed (ZeroDivisionError: )" in output["reason"]
    assert output["agents_failed"] == 1
    assert set(output) == set(Output.__annotations__)


def test_an_agent_that_cannot_be_built_is_a_failed_branch(
    claude: Script, cast: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing library breaks one branch."""

    def missing(agent: str) -> RunnableLambda[Any, Any]:
        if agent == "gap_analyzer":
            raise ModuleNotFoundError(name=agent)
        return RunnableLambda(lambda _: told(agent))

    cast()
    monkeypatch.setattr("e2i.agents.orchestrator.branch.runnable", missing)
    claude(routing("causal_impact", "gap_analyzer"), joint("One spoke."))
    output = ask(QUESTION)

    assert [one["status"] for one in output["dispatched"]] == ["ok", "failed"]


def test_an_answer_without_a_status_is_a_failed_branch(claude: Script, cast: Callable[..., None]) -> None:
    """An agent that breaks its own promise breaks nothing else."""
    cast(causal_impact={}, gap_analyzer=told("gap_analyzer"))
    claude(routing("causal_impact", "gap_analyzer"), joint("One spoke."))
    output = ask(QUESTION)

    assert [one["status"] for one in output["dispatched"]] == ["failed", "ok"]


def test_langgraphs_own_signals_are_no_failures(cast: Callable[..., None]) -> None:
    """An interrupt inside an agent passes through."""

    def interrupts(_: object) -> Answers:
        raise GraphInterrupt

    cast(gap_analyzer=interrupts)
    with pytest.raises(GraphInterrupt):
        asked({"agent": "gap_analyzer", "inputs": {}}, {})


def test_callers_callbacks_and_metadata_reach_the_agents(claude: Script, cast: Callable[..., None]) -> None:
    """What a caller put into the config is there inside a branch."""
    seen: list[Any] = []

    def looks(_: object, config: RunnableConfig) -> Answers:
        seen.append((config["metadata"].get("session_id"), config["metadata"]["langgraph_node"]))
        return told("gap_analyzer")

    cast(gap_analyzer=looks)
    claude(routing("gap_analyzer"))
    ask(QUESTION, {"metadata": {"session_id": "s-1"}})

    assert seen == [("s-1", "work")]


def test_agents_get_what_was_given_and_keep_their_own_defaults(claude: Script, cast: Callable[..., None]) -> None:
    """Defaults of the orchestrator's own schema are not passed on, options reach only whom they are for."""
    got: dict[str, Any] = {}

    def part(agent: str) -> Callable[[dict[str, Any]], Answers]:
        def answer(inputs: dict[str, Any]) -> Answers:
            got[agent] = inputs
            return told(agent)

        return answer

    cast(drift_monitor=part("drift_monitor"), gap_analyzer=part("gap_analyzer"))
    claude(routing("drift_monitor", "gap_analyzer"), joint("Both spoke."))
    options = {"drift_monitor": {"batch": "steady", "brand": "Panacea"}}
    ask({**QUESTION, "brand": "KISQALI", "seed": 3, "region": None, "options": options})

    asked = {"question": "why?", "brand": "Kisqali", "seed": 3}
    assert got == {"drift_monitor": {**asked, "batch": "steady"}, "gap_analyzer": asked}


def test_knowledge_about_the_portfolio_is_searched_for_all_brands() -> None:
    """The knowledge base knows no brand called portfolio."""
    given = {"question": "why?", "brand": "portfolio"}

    assert inputs_for("rag", given) == {"question": "why?"}
    assert inputs_for("gap_analyzer", given) == given


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"question": " "}, "there is no question"),
        ({"question": "w" * 2_001}, "2001 characters"),
        ({"question": 7}, "'question'"),
        ({"options": {"oracle": {}}}, "unknown agents: oracle"),
        ({"options": {"rag": 3}}, "options.rag"),
        ({"brand": "portfolio", "specialty": "astrology"}, "no prescriber of portfolio"),
        ({"specialty": "dermatology"}, "no prescriber of Kisqali"),
    ],
)
def test_unusable_inputs_are_declined_before_claude(wrong: dict[str, Any], reason: str, claude: Script) -> None:
    """A sentence, and nobody was asked anything."""
    claude()
    output = ask({**QUESTION, **wrong})

    assert output["status"] == "declined"
    assert reason in output["reason"]
    assert (output["routed_by"], output["agents_dispatched"]) == (None, None)


def test_one_agents_text_is_passed_on_as_it_is(claude: Script, cast: Callable[..., None]) -> None:
    """With one agent there is nothing to join: its words, its provenance, and no further call."""
    cast(gap_analyzer=told("gap_analyzer", provenance="fallback", claude_status="refused", claude_reason="No."))
    sent = claude(routing("gap_analyzer"))
    output = ask(QUESTION)

    assert output["narrative"] == "gap_analyzer has spoken."
    assert (output["provenance"], output["claude_status"], output["claude_reason"]) == ("fallback", "refused", "No.")
    assert len(sent) == 1


def test_figures_of_a_text_are_facts_and_others_are_not(claude: Script, cast: Callable[..., None]) -> None:
    """The knowledge base's numbers stand in its text only; the joint answer may use those and no others."""
    rag = {
        **{key: value for key, value in told("rag").items() if key not in {"narrative", "claude_reason"}},
        "answer": "Take 600 mg for 3 weeks [kis-dose-9].",
        "citations": [{"id": "kis-dose-9"}],
    }
    cast(rag=rag, gap_analyzer=told("gap_analyzer"))
    claude(routing("rag", "gap_analyzer"), joint("It is 600 mg [kis-dose-9]."))
    right = ask(QUESTION)
    claude(routing("rag", "gap_analyzer"), joint("It is 900 mg [kis-dose-9]."))
    wrong = ask(QUESTION)

    assert right["provenance"] == "computed"
    assert (wrong["provenance"], wrong["claude_status"]) == ("fallback", "malformed")
    assert wrong["narrative"].startswith("rag: Take 600 mg for 3 weeks [kis-dose-9].")


def test_fixed_joint_text_is_grounded_whatever_the_agents_say(claude: Script, cast: Callable[..., None]) -> None:
    """Figures from texts, and from a reason to decline, are among the facts."""
    few = told("causal_impact", status="declined", reason="60 rows are too few, 300 are needed", narrative="No: 60.")
    cast(causal_impact=few, gap_analyzer=told("gap_analyzer", narrative="It costs -1.2 million, or 18 %."))
    sent = claude(routing("causal_impact", "gap_analyzer"), DOWN)
    output = ask(QUESTION)

    assert output["provenance"] == "fallback"
    assert "60 rows are too few" in output["narrative"]
    assert ungrounded(output["narrative"], facts_of(sent[-1])) == ()


def test_figures_are_read_with_sign_and_scale_and_without_citations() -> None:
    """Ascending, each once."""
    assert stated_figures("It fell by -1.2 million, 18 % and 18 % [key-7].") == [-1_200_000.0, 0.18]


def test_long_lists_are_cut_and_said_to_be() -> None:
    """Claude sees the first items of a list and how many there are besides."""
    answer = told("gap_analyzer", rows=[{"parts": list(range(MAX_ITEMS + 3))}], context="long")
    facts = digest({"agent": "a", "tier": 2, "status": "ok", "reason": "", "provenance": "computed",
                    "error_type": None, "answer": answer})["facts"]  # fmt: skip

    assert facts == {"rows": [{"parts": list(range(MAX_ITEMS)), "parts_left_out": 3}]}


def test_there_is_a_figure_of_the_collaboration() -> None:
    """The configuration asks for one, drawn from what was dispatched."""
    assert agent_config("orchestrator").figures == {"agent_collaboration.svg": "agent_collaboration"}


def test_asynchronous_callers_get_the_same(claude: Script, cast: Callable[..., None]) -> None:
    """The same answer with await."""
    cast(causal_impact=told("causal_impact"), gap_analyzer=told("gap_analyzer"))
    entries = (routing("gap_analyzer", "causal_impact"), joint("Both spoke."))
    claude(*entries)
    waited = ask(QUESTION)
    claude(*entries)

    assert asyncio.run(catalogue.build("orchestrator").ainvoke(QUESTION)) == waited


def test_agents_in_branches_work_under_the_callers_configuration(claude: Script) -> None:
    """What ``using`` says holds in every branch, for agents and for the knowledge base."""
    models = {"gap_analyzer": "claude-opus-5-5", "rag": "claude-haiku-5-5"}
    variants = [agent_config(agent).model_copy(update={"model": model}) for agent, model in models.items()]
    sent = claude(routing("gap_analyzer", "rag"), DOWN)
    with using(*variants):
        ask({"question": "What is the dose of Kisqali, and where is the gap?", "brand": "Kisqali"})

    assert {body["model"] for body in sent} == {*models.values(), agent_config("orchestrator").model}
