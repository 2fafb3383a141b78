"""The reranker: every strategy, every way Claude's ranking can be wrong, and what a callback sees of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import Runnable, RunnableLambda

from e2i.config import agent_config
from e2i.language import chat_model
from e2i.rag.reranker import DIVERSIFIED_DEPTH, Reranker, RerankInput, RerankOutput, diversified
from e2i.rag.state import Candidate, RerankStrategy

if TYPE_CHECKING:
    from tests.unit.e2i_rag.conftest import FakeClaude

    from e2i.rag.index import Index

GIVEN = ("glo-trx", "kpi-trx", "kpi-reach")


class Watcher(BaseCallbackHandler):
    """Keeps what a tracing callback would see."""

    def __init__(self) -> None:
        self.chains: list[tuple[str, Any, dict[str, Any]]] = []
        self.outputs: list[Any] = []
        self.models: list[dict[str, Any]] = []

    def on_chain_start(self, serialized: dict[str, Any], inputs: object, **kwargs: Any) -> None:  # noqa: ANN401 - as LangChain declares it
        """Keep name, inputs and metadata."""
        del serialized
        self.chains.append((kwargs["name"], inputs, kwargs["metadata"]))

    def on_chain_end(self, outputs: object, **kwargs: object) -> None:
        """Keep the outputs."""
        del kwargs
        self.outputs.append(outputs)

    def on_chat_model_start(self, serialized: dict[str, Any], messages: object, **kwargs: Any) -> None:  # noqa: ANN401 - as LangChain declares it
        """Keep the metadata of the call to Claude."""
        del serialized, messages
        self.models.append(kwargs["metadata"])


def candidates(*keys: str) -> list[Candidate]:
    """Return candidates with falling scores."""
    return [
        Candidate(id=key, title=key, score=round(1.0 / rank, 6), rank=rank) for rank, key in enumerate(keys, start=1)
    ]


def rerank(index: Index, strategy: RerankStrategy, *keys: str, watcher: Watcher | None = None) -> RerankOutput:
    """Rerank ``keys`` for a fixed question, inside a runnable so that the fake Claude knows a node."""
    reranker = Reranker(index, strategy=strategy, model=chat_model(agent_config("rag")), prompt="Order them.")
    given = RerankInput(query="What is TRx?", documents=candidates(*keys))
    outer: Runnable[RerankInput, RerankOutput] = RunnableLambda(reranker.invoke, name="outer")
    return outer.invoke(given, {"metadata": {"langgraph_node": "rerank"}, "callbacks": [watcher] if watcher else []})


def order(output: RerankOutput) -> list[str]:
    """Return the ids in order."""
    return [item["id"] for item in output["documents"]]


def test_none_keeps_order_and_scores(claude: FakeClaude, index: Index) -> None:
    """Nothing is changed and nobody is asked."""
    output = rerank(index, "none", *GIVEN)

    assert output["documents"] == candidates(*GIVEN)
    assert (output["strategy"], output["claude_status"]) == ("none", "not_asked")
    assert claude.bodies == []


def test_claude_orders_the_list(claude: FakeClaude, index: Index) -> None:
    """Ranks and scores are those of the new order; what Claude left out follows in the old order."""
    claude.calls_tool("Ranking", order=["kpi-reach"])

    output = rerank(index, "claude", *GIVEN)

    assert order(output) == ["kpi-reach", "glo-trx", "kpi-trx"]
    assert [(item["score"], item["rank"]) for item in output["documents"]] == [(1.0, 1), (0.5, 2), (0.333333, 3)]
    assert (output["strategy"], output["claude_status"], output["reason"]) == ("claude", "answered", "")


def test_claude_sees_passages_as_data(claude: FakeClaude, index: Index) -> None:
    """Keys, delimited texts and the question; tool choice forced."""
    claude.calls_tool("Ranking", order=["field-adversarial-system"])

    rerank(index, "claude", "field-adversarial-system", "glo-trx")

    assert '<passage key="field-adversarial-system"' in claude.prompt()
    assert "<system>" not in claude.prompt()
    assert claude.prompt().endswith("<question>What is TRx?</question>")
    assert claude.bodies[0]["tool_choice"] == {"type": "tool", "name": "Ranking"}


@pytest.mark.parametrize(
    "wrong", [["kpi-reach", "kpi-invented"], ["kpi-reach", "kpi-reach"], [], ["KPI-REACH"]], ids=str
)
def test_a_wrong_ranking_keeps_the_order(claude: FakeClaude, index: Index, wrong: list[str]) -> None:
    """Unknown keys, repeated keys and an empty list are no ranking."""
    claude.calls_tool("Ranking", order=wrong)

    output = rerank(index, "claude", *GIVEN)

    assert output["documents"] == candidates(*GIVEN)
    assert (output["strategy"], output["claude_status"]) == ("none", "malformed")
    assert "no order of the given keys" in output["reason"]


@pytest.mark.parametrize(
    ("failure", "status"),
    [("529", "unavailable"), ("refusal", "refused"), ("text", "malformed"), ("type", "malformed")],
)
def test_a_failing_claude_keeps_the_order(claude: FakeClaude, index: Index, failure: str, status: str) -> None:
    """An outage, a refusal, a text in place of the tool, and a tool call of the wrong type."""
    if failure == "529":
        claude.fails(529, times=3)
    elif failure == "type":
        claude.calls_tool("Ranking", order="kpi-reach")
    else:
        claude.says("no", stop_reason="refusal" if failure == "refusal" else "end_turn")

    output = rerank(index, "claude", *GIVEN)

    assert order(output) == list(GIVEN)
    assert output["claude_status"] == status
    assert output["reason"]


def test_a_wrong_key_is_raised(claude: FakeClaude, index: Index) -> None:
    """A person must mend it."""
    claude.fails(401)

    with pytest.raises(anthropic.AuthenticationError):
        rerank(index, "claude", *GIVEN)


def test_nothing_to_rank_asks_nobody(claude: FakeClaude, index: Index) -> None:
    """An empty list comes back empty, by every strategy."""
    for strategy in ("claude", "local", "none"):
        assert rerank(index, strategy)["documents"] == []
    assert claude.bodies == []


def test_diversity_puts_a_twin_behind(index: Index) -> None:
    """The second passage on TRx falls behind one that adds something; relevance still leads."""
    vectors = index.vectors(GIVEN)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    scores = [1.0, 0.55, 0.5]
    given = [Candidate(id=key, title=key, score=score, rank=0) for key, score in zip(GIVEN, scores, strict=True)]

    ranked = diversified(index, [*given, Candidate(id="play-null-result", title="", score=0.0, rank=4)])

    assert ranked[0][0] == "glo-trx"
    assert ranked[0][1] == pytest.approx(0.7)
    likeness = float(vectors[0] @ vectors[2])
    assert ranked[1][0] == "kpi-reach"
    assert ranked[1][1] == pytest.approx(0.7 * 0.5 - 0.3 * likeness, abs=1e-3)
    assert [key for key, _ in ranked].index("kpi-trx") > 1


def test_diversity_works_on_the_head_only(index: Index) -> None:
    """What stands beyond the head keeps its order at the end, with scores below all others."""
    keys = index.ids[: DIVERSIFIED_DEPTH + 3]

    ranked = diversified(index, candidates(*keys))

    assert [key for key, _ in ranked[DIVERSIFIED_DEPTH:]] == list(keys[DIVERSIFIED_DEPTH:])
    assert sorted(key for key, _ in ranked) == sorted(keys)
    assert min(score for _, score in ranked[:DIVERSIFIED_DEPTH]) > ranked[-1][1]


def test_equal_scores_are_all_relevant(index: Index) -> None:
    """Without a difference in scores only diversity counts, and nothing divides by zero."""
    given = [Candidate(id=key, title=key, score=0.5, rank=1) for key in GIVEN]

    assert diversified(index, given)[0][1] == pytest.approx(0.7)


def test_a_callback_sees_a_reranker(claude: FakeClaude, index: Index) -> None:
    """Named, with its role, with plain JSON in and out; the call to Claude inside does not inherit the role."""
    claude.calls_tool("Ranking", order=["kpi-reach"])
    watcher = Watcher()

    output = rerank(index, "claude", *GIVEN, watcher=watcher)

    name, inputs, metadata = watcher.chains[1]
    assert name == "rerank"
    assert (metadata["role"], metadata["strategy"]) == ("reranker", "claude")
    assert json.loads(json.dumps(inputs)) == {"query": "What is TRx?", "documents": candidates(*GIVEN)}
    assert json.loads(json.dumps(watcher.outputs[0])) == output
    assert "role" not in watcher.models[0]
    assert "role" not in watcher.chains[0][2]
