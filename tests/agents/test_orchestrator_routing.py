"""Routing: what becomes of Claude's choice, and how good the rule is that stands in for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from e2i.agents import catalogue
from e2i.agents.orchestrator.quality import by_rule, quality
from e2i.agents.orchestrator.questions import LabelledQuestion, Split, load_questions
from e2i.agents.orchestrator.route import MAX_AGENTS, chosen, ruled
from e2i.agents.orchestrator.specialist import SPECIALISTS

if TYPE_CHECKING:
    from pathlib import Path

Script = Callable[..., list[dict[str, Any]]]

QUESTIONS = load_questions()
NAMES = st.lists(st.sampled_from([*SPECIALISTS, "orchestrator", "Gap_Analyzer", ""]), max_size=12)


def of(split: Split) -> list[LabelledQuestion]:
    """Return the questions of one split."""
    return [one for one in QUESTIONS if one.split == split]


def ask(question: str) -> Any:  # noqa: ANN401  # any JSON
    """Return the orchestrator's output."""
    return catalogue.build("orchestrator").invoke({"question": question, "brand": "Kisqali"})


def routing(**wrong: object) -> dict[str, Any]:
    """Return Claude's choice as an entry, with ``wrong`` in it."""
    return {"tool_use": {"name": "Routing", "input": {"agents": [], "confidence": 0.9, "reason": "none", **wrong}}}


def test_labels_cover_every_agent_in_both_splits() -> None:
    """At least forty questions; each agent alone, several at once, and none, wherever quality is judged."""
    for split in get_args(Split):
        sets = [one.agents for one in of(split)]

        assert len(sets) >= 40
        assert {frozenset({name}) for name in SPECIALISTS} <= set(sets)
        assert sum(len(agents) > 1 for agents in sets) >= 4
        assert sum(not agents for agents in sets) >= 5
    assert len({one.id for one in QUESTIONS}) == len({one.question for one in QUESTIONS}) == len(QUESTIONS)


def test_rule_is_as_good_as_stated_on_questions_it_was_not_written_for() -> None:
    """Measured: exact 0.682, precision 0.941, recall 0.727, F1 0.821; it rather asks nobody than somebody wrong."""
    measured = quality(of("test"), by_rule)

    assert measured.exact == pytest.approx(0.682, abs=0.001)
    assert measured.precision == pytest.approx(0.941, abs=0.001)
    assert measured.recall == pytest.approx(0.727, abs=0.001)
    assert measured.f1 == pytest.approx(0.821, abs=0.001)


def test_rule_beats_what_needs_no_rule() -> None:
    """Asking nobody and asking everybody are both worse."""
    rule = quality(of("test"), by_rule)

    assert rule.exact > 4 * quality(of("test"), lambda _: ()).exact
    assert rule.f1 > 3 * quality(of("test"), lambda _: SPECIALISTS).f1


def test_quality_is_counted_over_agents_and_questions() -> None:
    """Two of three chosen are right, two of three labelled are found, one of two questions is exact."""
    asked = [
        LabelledQuestion(id="a", split="dev", question="a", agents=frozenset({"rag"})),
        LabelledQuestion(id="b", split="dev", question="b", agents=frozenset({"explainer", "gap_analyzer"})),
    ]
    routes = {"a": ["rag"], "b": ["explainer", "drift_monitor"]}
    measured = quality(asked, routes.__getitem__)

    assert measured.exact == 0.5
    assert [measured.precision, measured.recall] == pytest.approx([2 / 3, 2 / 3])
    assert measured.f1 == pytest.approx(2 / 3)
    assert quality(asked, lambda _: ()).f1 == 0.0


def test_a_label_of_an_unknown_agent_is_refused(tmp_path: Path) -> None:
    """A label that no router can reach is a mistake in the file."""
    path = tmp_path / "questions.yaml"
    path.write_text("questions: [{id: a, split: dev, question: a, agents: [orchestrator]}]", encoding="utf-8")

    with pytest.raises(ValidationError, match="unknown agent 'orchestrator'"):
        load_questions(path)


@given(NAMES)
def test_only_known_agents_are_asked_each_once_and_few(names: list[str]) -> None:
    """Whatever Claude names; everything else is on record, except repetitions."""
    route = chosen(names, 0.5)

    assert len(route.agents) == len(set(route.agents)) <= MAX_AGENTS
    assert set(route.agents) <= set(SPECIALISTS)
    assert set(route.agents) | {one.agent for one in route.dropped} == set(names)


@given(st.text())
def test_rule_survives_any_text(question: str) -> None:
    """Any text has a route of at most four known agents and a confidence in [0, 1)."""
    route = ruled(question)

    assert len(route.agents) <= MAX_AGENTS
    assert 0.0 <= route.confidence < 1.0
    assert bool(route.agents) == (route.confidence > 0)


@pytest.mark.parametrize("addition", ["", " Thanks!", " Please be brief.", " I am asking for the third time."])
def test_politeness_does_not_change_the_route(addition: str) -> None:
    """Words that say nothing about the matter move nothing."""
    assert ruled(f"Where is the largest gap?{addition}").agents == ("gap_analyzer",)


def test_asking_for_more_asks_more_agents() -> None:
    """A second matter adds its agent, and more words for the first raise the confidence."""
    one, two = ruled("Where is the gap?"), ruled("Where is the gap? And has the data drifted?")

    assert set(two.agents) - set(one.agents) == {"drift_monitor"}
    assert ruled("Where is the gap to benchmark?").confidence > one.confidence


def test_rule_asks_at_most_four_and_says_whom_it_left_out() -> None:
    """Those with fewest cues go."""
    question = "Impact of the campaign, gaps, drift, forecast, budget and feedback?"
    route = ruled(question)

    assert len(route.agents) == MAX_AGENTS
    assert {one.reason for one in route.dropped} == {"over the limit"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"confidence": 1.2},
        {"confidence": "sure"},
        {"agents": "gap_analyzer"},
        {"agents": [7]},
        {"agents": ["crystal_ball"]},
        {"surprise": 1},
    ],
    ids=repr,
)
def test_an_unusable_choice_is_replaced_by_the_rule(wrong: dict[str, Any], claude: Script) -> None:
    """The rule finds nothing in this question, and the output says who routed and why."""
    claude(routing(**wrong))
    output = ask("Hm?")

    assert (output["status"], output["routed_by"], output["routing_status"]) == ("declined", "rule", "malformed")
    assert output["routing_reason"]
    assert (output["routing_confidence"], output["agents_dispatched"], output["agents_failed"]) == (0.0, 0, 0)


def test_a_reason_with_figures_is_not_shown(claude: Script) -> None:
    """Claude's reason is shown to people, so it may invent nothing either."""
    claude(routing(reason="Costs would rise by 12 %."))
    output = ask("Hm?")

    assert "12" not in output["routing_reason"]


def test_claude_is_told_of_every_agent_and_nothing_of_answers(claude: Script) -> None:
    """Names with what they are for; the system prompt is the same for every question."""
    sent = claude(routing(), routing())
    for question in ("Hm?", "Well?"):
        ask(question)
    facts = json.loads(sent[0]["messages"][0]["content"].split("<facts>")[1].split("</facts>")[0])

    assert facts["agents"] == dict(SPECIALISTS)
    assert sent[0]["system"] == sent[1]["system"]
