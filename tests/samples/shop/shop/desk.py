"""The support agent behind a desk: what calls the graph is no graph itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .agents import build_support


class Desk:
    """Answers with the agent, as a class that holds it."""

    graph: Any = build_support()

    @classmethod
    def answer(cls, inputs: dict[str, Any]) -> dict[str, Any]:
        """Ask the agent."""
        return {**cls.graph.invoke(inputs, {"tags": ["desk"]})}


def answer_in_a_thread(inputs: dict[str, Any]) -> dict[str, Any]:
    """Ask an agent of its own, in a thread that knows nothing of the caller's context."""
    agent: Any = build_support()
    with ThreadPoolExecutor(1) as pool:
        return {**pool.submit(agent.invoke, inputs).result()}
