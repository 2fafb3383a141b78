"""Prompts under version control in MLflow: register, alias, load, and try two versions against each other.

    python docs/examples/prompt_versioning.py

Needs ``MLFLOW_TRACKING_URI``. With ``ANTHROPIC_API_KEY`` it asks Claude eighty short questions; without, a scripted
model answers, which obeys its system prompt and nothing else, so that everything but the words is real.

Texts stand in code, where they are reviewed, and a version is never changed once written. The registry says which
version is used: an alias such as ``production`` becomes part of the agent's configuration, and the agent itself does
not know MLflow. In the UI, the prompts are under Prompts, and each trace and run names the versions it used.
"""  # noqa: INP001 - examples are scripts, not a package

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, TypedDict

from langchain_anthropic import ChatAnthropic
from langchain_core.language_models.chat_models import BaseChatModel, SimpleChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.graph import END, START, StateGraph

from e2i.config import AgentConfig, agent_config, using
from e2i.mlops import MlflowConfig, flush, observe
from e2i.mlops.ab_test import AbTest, compare_arms, read_arms
from e2i.mlops.prompt_registry import PromptRegistry

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import Runnable

    from e2i.mlops.ab_test import AbTestResult

AGENT = "field_assistant"
SESSIONS = 80
FLUSH_TIMEOUT_S = 60.0

# the agent

PROMPTS = {
    "answer": {
        "1": "You answer questions of sales representatives. Be thorough.",
        "2": "You answer questions of sales representatives. Answer in one sentence.",
    }
}

CONFIG = AgentConfig(
    agent=AGENT,
    tier=5,
    use_case="field-support",
    mlflow_experiment=f"examples/{AGENT}",
    model="claude-haiku-5-5",
    max_tokens=300,
    prompts={"answer": "1"},
    metrics={"words": "words"},
)


class State(TypedDict, total=False):
    """What goes through the graph; ``words`` is the length of the answer."""

    question: str
    answer: str
    words: int


def answer(state: State) -> State:
    """Ask Claude, with the prompt version that the configuration names."""
    config = agent_config(AGENT)
    system = SystemMessage(PROMPTS["answer"][config.prompts["answer"]])
    text = chat_model(config).invoke([system, HumanMessage(state["question"])]).text
    return {"answer": text, "words": len(text.split())}


def build() -> Runnable[State, State]:
    """Return the agent."""
    graph = StateGraph(State)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    return graph.compile()


# the prompts' life


def main() -> int:
    """Register two versions, put one into production, try the other against it, and say what came of it."""
    mlflow = MlflowConfig.from_environment()
    if not mlflow.enabled:
        sys.stderr.write("no server: type  export MLFLOW_TRACKING_URI=http://localhost:5000\n")
        return 2
    registry = PromptRegistry(mlflow)
    first, second = registry.register_all(AGENT, PROMPTS, message="from docs/examples")
    registry.set_alias(first, "production")
    registry.set_alias(second, "candidate")
    sys.stdout.write(f"registered {first.uri} (production) and {second.uri} (candidate)\n")
    sys.stdout.write(f"loaded     {registry.load_prompt(first.name, 'production').text!r}\n")

    test = AbTest(
        name=f"shorter-answers-{os.urandom(3).hex()}",
        control=registry.configured(CONFIG, "production", prompts=PROMPTS),
        treatment=registry.configured(CONFIG, "candidate", prompts=PROMPTS),
    )
    play(test, mlflow)
    result = flush(FLUSH_TIMEOUT_S)
    if result.pending or result.dropped:
        sys.stderr.write(f"not everything is on {mlflow.tracking_uri}: {result.reason}\n")
        return 1
    comparison = compare(test, mlflow)
    sys.stdout.write("\n".join([f"A/B test   {test.name}", *comparison.lines()]) + "\n")
    if comparison.verdict == "treatment_lower":
        registry.set_alias(second, "production")
        sys.stdout.write(f"promoted   {second.uri}: its answers are shorter\n")
    registry.close()
    return 0


def play(test: AbTest, mlflow: MlflowConfig) -> None:
    """Let every session ask once; all calls of a session get the same arm."""
    arms = {
        "control": observe(build(), test.control, mlflow=mlflow),
        "treatment": observe(build(), test.treatment, mlflow=mlflow),
    }
    for number in range(SESSIONS):
        session = f"session-{number}"
        metadata = {**test.metadata(session), "session_id": session}
        inputs: State = {"question": f"How is visit {number} to an office prepared?"}
        with using(test.config(session)):
            arms[test.arm(session)].invoke(inputs, config={"metadata": metadata})


def compare(test: AbTest, mlflow: MlflowConfig) -> AbTestResult:
    """Read both arms back from the server and compare them."""
    arms = read_arms(mlflow, test, "words")
    return compare_arms("words", arms["control"], arms["treatment"])


# Claude, or something that obeys like it


def chat_model(config: AgentConfig) -> BaseChatModel:
    """Return Claude where a key is set, else the script."""
    if not os.environ.get("ANTHROPIC_API_KEY"):
        return Script()
    return ChatAnthropic(
        model_name=config.model, max_tokens_to_sample=config.max_tokens, timeout=config.timeout_s, stop=None
    )


class Script(SimpleChatModel):
    """Answers in one sentence where it is told to, else in several; some questions take more words than others."""

    @property
    def _llm_type(self) -> str:
        return "script"

    def _call(self, messages: list[BaseMessage], stop: list[str] | None = None, *_: Any, **__: Any) -> str:  # noqa: ANN401, ARG002 - LangChain's signature
        sentence = "Look up who works there and what they asked last time" + ", and why" * (len(messages[1].text) % 3)
        is_short = "one sentence" in messages[0].text
        return f"{sentence}." if is_short else " ".join([f"{sentence}."] * 3)


if __name__ == "__main__":
    sys.exit(main())
