"""The control run of a case, which a fault starts from: what was seen and kept while nothing was broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.checks.contract.scope import scope_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from e2i_eval.checks.contract import Contract
    from e2i_eval.core.case import Case
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.exchange import Exchange
    from e2i_eval.core.json_value import JsonObject, JsonValue
    from e2i_eval.core.trace import Span

__all__ = ["ControlRun"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRun:
    """What is known of a case before it is broken; in mock mode the next run is the same in every word.

    Attributes:
        evidence: of the control run.
        contract: of the case's target.
        other: evidence of another case of the same target; None when there is none.
    """

    evidence: Evidence
    contract: Contract
    other: Evidence | None = None

    @property
    def case(self) -> Case:
        """The case."""
        return self.evidence.case

    @property
    def answered(self) -> tuple[Exchange, ...]:
        """The requests to Claude that were answered, in order of start."""
        found = (each for each in self.evidence.exchanges if each.kind == "messages")
        return tuple(each for each in found if each.error is None and each.response)

    @property
    def failed(self) -> tuple[Exchange, ...]:
        """The requests to Claude that ended in an error."""
        return tuple(each for each in self.evidence.exchanges if each.error is not None)

    @property
    def spans(self) -> tuple[Span, ...]:
        """All spans of all traces."""
        return tuple(span for trace in self.evidence.traces or () for span in trace.spans)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The LangGraph nodes that ran, in order of start."""
        return tuple(node for trace in self.evidence.traces or () for node in trace.nodes())

    def asked_nodes(self) -> frozenset[str]:
        """Return the nodes that called Claude."""
        return frozenset(each.caller.node for each in self.evidence.exchanges if each.caller.node)

    def prompt_texts(self) -> tuple[str, ...]:
        """Return the texts of all messages to Claude, the longest first."""
        found = (text for each in self.answered for text in _texts(each.request.get("messages")))
        return tuple(sorted(dict.fromkeys(found), key=len, reverse=True))

    def system_texts(self) -> tuple[str, ...]:
        """Return the texts of all system prompts."""
        return tuple(dict.fromkeys(text for each in self.answered for text in _texts(each.request.get("system"))))

    def answer_texts(self) -> tuple[str, ...]:
        """Return the strings in Claude's answers, those in tool calls included, the longest first."""
        found = (
            text
            for block in self.answer_blocks()
            for text in _strings(block.get("input") if block.get("type") == "tool_use" else block.get("text"))
        )
        return tuple(sorted(dict.fromkeys(found), key=len, reverse=True))

    def answer_blocks(self) -> tuple[JsonObject, ...]:
        """Return the content blocks of all answers."""
        return tuple(block for each in self.answered for block in (each.response or {}).get("content", ()))

    def tool_calls(self) -> tuple[JsonObject, ...]:
        """Return the tool calls in Claude's answers, as content blocks."""
        return tuple(block for block in self.answer_blocks() if block.get("type") == "tool_use")

    def demanded(self, kind: str) -> Mapping[str, bool]:
        """Return the values the contract or the case asks for by name, each with whether its value is asked for too.

        Args:
            kind: ``metrics``, ``params``, ``tags`` or ``artifacts``. A name may be a glob.
        """
        named: dict[str, bool] = {}
        scope = scope_of(self.evidence, None)
        for section in self.contract.sections:
            for name, demand in getattr(section, kind).items():
                if scope.holds(section.when) and scope.holds(demand.when):
                    named[name] = named.get(name, False) or demand.equals is not None
        for name, rule in getattr(self.case.expect, kind, {}).items():
            named[name] = named.get(name, False) or rule.has_equals
        return named


def _texts(content: JsonValue) -> Iterator[str]:
    """Yield the texts of a system prompt or of messages, in any of the API's forms."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for each in content:
            yield from _texts(each)
    elif isinstance(content, dict):
        yield from _texts(content.get("text") if content.get("type") == "text" else content.get("content"))


def _strings(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
