"""A model call: what was asked of a model and what it answered, whoever says so, the wire or a span."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.core.trace import TokenTotals

__all__ = ["ContentPart", "Form", "ModelCall", "Stated", "Tool", "canonical"]

Form = Literal["anthropic", "autolog", "langchain", "openai", "text"]
"""In which form a span records its call.

``anthropic``: the API's own bodies. ``autolog``: what ``mlflow.langchain.autolog()`` writes, chat dictionaries or
dumped messages. ``langchain``: dumped LangChain messages. ``openai``: chat dictionaries (``choices``, ``tool_calls``).
``text``: none of these; only the texts can be looked for.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentPart:
    """One piece of a prompt or of an answer.

    Attributes:
        role: ``system``, ``user`` or ``assistant``.
        kind: ``text``, ``thinking``, ``tool_use``, ``tool_result``, ``image``, ``document``, or the API's block type.
        text: the text; of other kinds the canonical JSON of what counts. Empty for a file that is only referred to.
        name: the tool's name; empty for other kinds.
        id: the tool call's id; None where it is not stated.
    """

    role: str
    kind: str
    text: str = ""
    name: str = ""
    id: str | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What two parts share when they are candidates for being the same."""
        text = "" if self.kind in {"image", "document"} else self.text.strip()
        return self.role, self.kind, self.name, text

    def agrees(self, logged: ContentPart, redacted: re.Pattern[str] | None = None) -> bool:
        """Tell whether ``logged`` says the same; ids and file contents count where both have them.

        What matches ``redacted`` in ``logged`` may be any text.
        """
        same_id = self.id is None or logged.id is None or self.id == logged.id
        if self.kind in {"image", "document"}:
            return self.key == logged.key and same_id and (not self.text or not logged.text or self.text == logged.text)
        return self.key[:3] == logged.key[:3] and same_id and _says(self.text.strip(), logged.text.strip(), redacted)

    def __str__(self) -> str:
        if self.kind in {"image", "document"}:
            return f"{self.kind} {self.text[:12]}".strip()
        return f"{self.name}({self.text})" if self.name else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool offered to the model; ``description`` and ``schema`` (canonical JSON) None where they are not logged."""

    name: str
    description: str | None = None
    schema: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A setting's value and the place that states it, e.g. ``attributes.invocation_params.max_tokens``."""

    value: JsonValue
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """What one party says of one call to a model.

    Attributes:
        form: how it was logged.
        prompt: system prompt and messages in order; None where only ``asked`` can be searched.
        reply: the answer; None where only ``answered`` can be searched, or where there is none.
        tools: None where nothing is logged of the tools.
        settings: every statement of model, max_tokens, temperature, ... by name.
        message_id: the API's id of the answer; None where it is not stated.
        stop_reason: in the API's words; None where it is not stated.
        usages: every statement of token counts, with its place.
        asked: all texts in which the prompt may be found.
        answered: all texts in which the answer may be found.
    """

    form: Form
    prompt: tuple[ContentPart, ...] | None = None
    reply: tuple[ContentPart, ...] | None = None
    tools: tuple[Tool, ...] | None = None
    settings: Mapping[str, tuple[Stated, ...]] = field(default_factory=dict)
    message_id: str | None = None
    stop_reason: str | None = None
    usages: tuple[tuple[str, TokenTotals], ...] = ()
    asked: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()


def _says(text: str, logged: str, redacted: re.Pattern[str] | None) -> bool:
    if redacted is None or text == logged or not redacted.search(logged):
        return text == logged
    return re.fullmatch(".*?".join(map(re.escape, redacted.split(logged))), text, re.DOTALL) is not None


def canonical(value: JsonValue) -> str:
    """Return ``value`` as JSON with sorted keys, whole floats as integers; equal values give equal texts."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False, default=str)


def _plain(value: JsonValue) -> JsonValue:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value
