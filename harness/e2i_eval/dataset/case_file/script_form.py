"""The form of ``claude:``, what Claude answers in mock mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Discriminator, Field, Tag

from e2i_eval.core.case import ScriptedAnswer, ScriptedError, StreamFault
from e2i_eval.dataset.case_file.form import Amount, Count, Form, Given, WireObject

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["AnswerForm"]

StopReason: TypeAlias = Literal[
    "end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"
]


class ToolUseForm(Form):
    """A tool call of Claude."""

    name: str = Field(description="Name of the tool.", min_length=1, examples=["lookup_order"])
    input: WireObject = Field(default_factory=dict, description="The tool's arguments.", examples=[{"order_id": 7}])
    id: Given[str] = Field(default=None, description="Id of the call; derived when left out.", examples=["toolu_01"])

    def block(self) -> JsonObject:
        """Return the content block in the API's form."""
        return {"type": "tool_use", **({"id": self.id} if self.id else {}), "name": self.name, "input": self.input}


class TextBlock(Form):
    """A ``text`` block in the API's form."""

    type: Literal["text"] = Field(description="Kind of the block.")
    text: str = Field(description="The text.")
    citations: Given[list[WireObject]] = Field(default=None, description="Citations in the API's form.")


class ThinkingBlock(Form):
    """A ``thinking`` block in the API's form."""

    type: Literal["thinking"] = Field(description="Kind of the block.")
    thinking: str = Field(description="The thinking.")
    signature: Given[str] = Field(default=None, description="The API's signature; derived when left out.")


class RedactedThinkingBlock(Form):
    """A ``redacted_thinking`` block in the API's form."""

    type: Literal["redacted_thinking"] = Field(description="Kind of the block.")
    data: str = Field(description="The encrypted thinking.")


class ToolUseBlock(ToolUseForm):
    """A ``tool_use`` block in the API's form."""

    type: Literal["tool_use"] = Field(description="Kind of the block.")


def _block_type(value: JsonValue) -> str:
    named = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"<{named}>"


Block: TypeAlias = Annotated[
    Annotated[TextBlock, Tag("<text>")]
    | Annotated[ThinkingBlock, Tag("<thinking>")]
    | Annotated[RedactedThinkingBlock, Tag("<redacted_thinking>")]
    | Annotated[ToolUseBlock, Tag("<tool_use>")],
    Discriminator(_block_type),
]


def _one_or_many(value: JsonValue) -> str:
    return "<many>" if isinstance(value, list) else "<one>"


ToolUses: TypeAlias = Annotated[
    Annotated[ToolUseForm, Tag("<one>")] | Annotated[Annotated[list[ToolUseForm], Field(min_length=1)], Tag("<many>")],
    Discriminator(_one_or_many),
]


class CacheCreationForm(Form):
    """Input written to the cache, by lifetime."""

    ephemeral_5m_input_tokens: Count = Field(default=0, description="Input written for five minutes.", examples=[900])
    ephemeral_1h_input_tokens: Count = Field(default=0, description="Input written for one hour.", examples=[0])


class UsageForm(Form):
    """Tokens, in the API's fields."""

    input_tokens: Count = Field(description="Uncached input tokens.", examples=[812])
    output_tokens: Count = Field(description="Output tokens, thinking included.", examples=[96])
    cache_read_input_tokens: Given[Count] = Field(default=None, description="Input read from the cache.")
    cache_creation_input_tokens: Given[Count] = Field(default=None, description="Input written to the cache, in all.")
    cache_creation: Given[CacheCreationForm] = Field(default=None, description="The same by lifetime.")

    def usage(self) -> JsonObject:
        """Return the API's usage fields; the total of cache writes follows from its parts."""
        stated = self.model_dump(exclude_none=True)
        parts = stated.get("cache_creation")
        return {**stated, "cache_creation_input_tokens": sum(parts.values())} if parts else stated


class ErrorForm(Form):
    """An HTTP error that Claude answers with."""

    status: Annotated[int, Field(ge=400, le=599)] = Field(description="HTTP status.", examples=[529, 429])
    type: Given[str] = Field(
        default=None, description="The API's error type; derived from the status.", examples=["overloaded_error"]
    )
    message: Given[str] = Field(default=None, description="The API's message.", examples=["Overloaded"])
    retry_after: Given[Amount] = Field(default=None, description="Header 'retry-after' in seconds.", examples=[2])

    def error(self) -> ScriptedError:
        """Return the value."""
        return ScriptedError(status=self.status, type=self.type, message=self.message, retry_after_s=self.retry_after)


class AnswerForm(Form):
    """One answer of Claude in mock mode."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": [key]}
                for key in ("text", "thinking", "redacted_thinking", "tool_use", "content", "error", "fault")
            ]
        }
    )

    node: Given[str] = Field(
        default=None, description="LangGraph node that must be asking; any caller when left out.", examples=["plan"]
    )
    contains: Given[str] = Field(
        default=None, description="Text that must occur in the system prompt or the messages.", examples=["refund"]
    )
    text: Given[str] = Field(default=None, description="A text block.", examples=["It was paid on Monday."])
    thinking: Given[str] = Field(default=None, description="A thinking block before the text.")
    redacted_thinking: Given[str] = Field(default=None, description="Data of a redacted thinking block.")
    tool_use: Given[ToolUses] = Field(
        default=None, description="One tool call, or a list of them.", examples=[{"name": "lookup_order", "input": {}}]
    )
    content: Given[list[Block]] = Field(
        default=None, description="All blocks in the API's form, instead of text, thinking and tool_use."
    )
    stop_reason: Given[StopReason] = Field(
        default=None, description="'tool_use' or 'end_turn' by the content when left out.", examples=["max_tokens"]
    )
    usage: Given[UsageForm] = Field(
        default=None,
        description="Tokens of the call; estimated when left out.",
        examples=[{"input_tokens": 812, "output_tokens": 96}],
    )
    delay_s: Amount = Field(default=0.0, description="Seconds Claude takes, on the virtual clock.", examples=[1.5])
    error: Given[ErrorForm] = Field(
        default=None, description="Answer with this HTTP error instead.", examples=[{"status": 529}]
    )
    fault: Given[StreamFault] = Field(
        default=None, description="Break the response on the wire this way.", examples=["drop"]
    )
    times: Annotated[int, Field(ge=1)] = Field(
        default=1, description="How many HTTP requests this entry answers.", examples=[3]
    )

    def answer(self, line: int) -> ScriptedAnswer:
        """Return the value; ``line`` is the entry's in the case file."""
        return ScriptedAnswer(
            node=self.node,
            contains=self.contains,
            content=self._blocks(),
            stop_reason=self.stop_reason,
            usage=self.usage.usage() if self.usage else None,
            delay_s=self.delay_s,
            error=self.error.error() if self.error else None,
            fault=self.fault,
            times=self.times,
            line=line,
        )

    def _blocks(self) -> tuple[JsonObject, ...]:
        """Return the blocks in the order Claude gives them: thinking, text, tool calls."""
        if self.content is not None:
            return tuple({"type": block.type, **block.model_dump(exclude_unset=True)} for block in self.content)
        blocks: list[dict[str, Any]] = []
        if self.thinking is not None:
            blocks.append({"type": "thinking", "thinking": self.thinking})
        if self.redacted_thinking is not None:
            blocks.append({"type": "redacted_thinking", "data": self.redacted_thinking})
        if self.text is not None:
            blocks.append({"type": "text", "text": self.text})
        return (*blocks, *(tool.block() for tool in self._tool_uses()))

    def _tool_uses(self) -> list[ToolUseForm]:
        if self.tool_use is None:
            return []
        return self.tool_use if isinstance(self.tool_use, list) else [self.tool_use]
