"""What a target did in one case, in the form that is compared between runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

__all__ = ["Behaviour", "PromptCall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptCall:
    """One call to Claude as it was asked, retries of it not counted again.

    Attributes:
        node: the LangGraph node that asked; empty when unknown.
        model: the requested model.
        prompt: system prompt, messages and tools as canonical text, a line each; ids that change are left out.
        input_tokens: all input, cached included; None when the call was never answered.
        output_tokens: None when the call was never answered.
        cache_read_tokens: part of ``input_tokens``.
        cache_write_tokens: part of ``input_tokens``.
        requests: how many HTTP requests it took.
        tools: names of the tools Claude called in its answer, in order.
        stop_reason: why the answer ended; empty when it was never answered.
    """

    node: str
    model: str
    prompt: tuple[str, ...]
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int
    cache_write_tokens: int
    requests: int
    tools: tuple[str, ...]
    stop_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What is the same in every run of an unchanged target in mock and replay mode.

    Attributes:
        calls: in an order that does not depend on which parallel branch was quicker.
        nodes: the nodes that ran, in such an order; empty when the target is no graph or has no trace.
        loops: how often each node ran, for nodes that ran more than once.
        error: class name of what the target raised; empty when it returned.
    """

    IGNORES_UNKNOWN_KEYS: ClassVar[bool] = True

    calls: tuple[PromptCall, ...] = ()
    nodes: tuple[str, ...] = ()
    loops: tuple[tuple[str, int], ...] = ()
    error: str = ""
