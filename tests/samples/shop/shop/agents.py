"""The support agent: plans, looks an order up with a tool, answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

MODEL = "claude-sonnet-5-5"


class Question(TypedDict):
    """What a customer asks."""

    question: str


class Answer(TypedDict):
    """What the customer is told."""

    answer: str


class State(Question, Answer, total=False):
    """What the nodes share."""

    plan: str
    messages: list[BaseMessage]


@tool
def lookup_order(order_id: int) -> str:
    """Look up an order by its number."""
    return f"order {order_id}: refund paid on Monday"


def plan(state: State) -> dict[str, str]:
    """Ask what to do."""
    reply = _claude().invoke([SystemMessage("Plan the next step."), HumanMessage(state["question"])])
    return {"plan": str(reply.text)}


def act(state: State) -> dict[str, list[BaseMessage]]:
    """Let Claude call the tool, and run it."""
    asked: list[BaseMessage] = [SystemMessage(f"Carry out this plan: {state['plan']}"), HumanMessage(state["question"])]
    reply: AIMessage = _claude().bind_tools([lookup_order]).invoke(asked)
    results = [ToolMessage(lookup_order.invoke(call["args"]), tool_call_id=call["id"]) for call in reply.tool_calls]
    return {"messages": [*asked, reply, *results]}


def answer(state: State) -> dict[str, str]:
    """Answer from what the tool said."""
    reply = _claude().bind_tools([lookup_order]).invoke(state["messages"])
    return {"answer": str(reply.text)}


def build_support() -> CompiledStateGraph[State, None, Question, Answer]:
    """Build the agent."""
    graph = StateGraph(State, input_schema=Question, output_schema=Answer)
    for node in (plan, act, answer):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "act")
    graph.add_edge("act", "answer")
    graph.add_edge("answer", END)
    return graph.compile(name="support")


def _claude() -> ChatAnthropic:
    return ChatAnthropic(model_name=MODEL, max_tokens_to_sample=512, timeout=20, stop=None)
