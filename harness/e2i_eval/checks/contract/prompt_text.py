"""The text of a prompt: what Claude was asked, line by line, the same in every run and free of secrets."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from e2i_eval.checks.contract.model_call import canonical
from e2i_eval.core.redaction import SecretSearch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from e2i_eval.checks.contract.model_call import ContentPart
    from e2i_eval.checks.contract.wire_call import WireCall
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.json_value import JsonObject

__all__ = ["PromptText"]

SECRET = "<secret>"  # noqa: S105  what stands in place of one
NOT_SETTINGS = frozenset({"messages", "metadata", "model", "stream", "system", "tools"})
"""Fields of a request that are the prompt itself, have a place of their own, or say only how it is sent."""

TOLD_OF_TOOLS = frozenset({"name", "description", "cache_control"})

RANDOM_ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b")
"""UUIDs of versions 4 and 7 (RFC 9562), the ones that are made anew each time."""

SHORTEST_ID = 8
"""Shorter ids of tool calls would be found in plain text."""


@dataclass(slots=True, kw_only=True)
class PromptText:
    """Writes the prompts of one case.

    Attributes:
        search: finds secrets.
        known_ids: ids of this run alone, by what is written instead.
        given: the case's inputs as text: an id in it was given, so it is content.
    """

    search: SecretSearch
    known_ids: Mapping[str, str]
    given: str
    _written: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, evidence: Evidence, patterns: Mapping[str, str]) -> PromptText:
        """Return the writer for a case.

        Args:
            evidence: the case.
            patterns: what secrets look like, by kind.
        """
        ids = {trace.trace_id: "<trace>" for trace in evidence.traces or ()}
        if evidence.logged is not None:
            ids[evidence.logged.run_id] = "<run>"
        return cls(
            search=SecretSearch(_also_escaped(evidence.secrets), patterns),
            known_ids={key: word for key, word in ids.items() if len(key) >= SHORTEST_ID},
            given=canonical(evidence.case.inputs),
        )

    def lines(self, call: WireCall) -> tuple[str, ...]:
        """Return what ``call`` asked: system prompt and messages, tools, settings."""
        index = call.final.index
        if index not in self._written:
            self._written[index] = tuple(self._text(call).split("\n"))
        return self._written[index]

    def masked(self, text: str) -> str:
        """Return ``text`` without secrets; not even their length is kept, which differs between machines."""
        for value in sorted({value for _, value in self.search.found_in(text)}, key=len, reverse=True):
            text = text.replace(value, SECRET)
        return text

    def _text(self, call: WireCall) -> str:
        prompt = call.truth.prompt or ()
        numbers = {each: f"#{at}" for at, each in enumerate(dict.fromkeys(part.id for part in prompt if part.id), 1)}
        request = call.final.request
        written = [*(line for part in prompt for line in _part(part, numbers))]
        if not prompt and (request.get("messages") or request.get("system")):  # in a form this version cannot read
            written = ["[request]", _pretty([request.get("system"), request.get("messages")])]
        written += [line for tool in request.get("tools") or () for line in _tool(tool)]
        settings = {key: value for key, value in request.items() if key not in NOT_SETTINGS and value is not None}
        written += ["[settings]", *(f"{key}: {canonical(settings[key])}" for key in sorted(settings))]
        return self._without_ids(self.masked("\n".join(written)), numbers)

    def _without_ids(self, text: str, numbers: Mapping[str, str]) -> str:
        known = {each: f"<call {number}>" for each, number in numbers.items() if len(each) >= SHORTEST_ID}
        for each, word in {**self.known_ids, **known}.items():
            text = text.replace(each, word)
        made = dict.fromkeys(each for each in RANDOM_ID.findall(text) if each not in self.given)
        for at, each in enumerate(made, 1):
            text = text.replace(each, f"<id {at}>")
        return text


def _part(part: ContentPart, numbers: Mapping[str, str]) -> Iterator[str]:
    kind = "" if part.kind == "text" else part.kind
    words = (part.role, kind, part.name, numbers.get(part.id or "", ""))
    yield f"[{' '.join(filter(None, words))}]"
    yield part.text


def _tool(tool: JsonObject) -> Iterator[str]:
    yield f"[tool {tool.get('name') or tool.get('type')}]"
    if tool.get("description") is not None:
        yield str(tool["description"])
    yield _pretty({key: value for key, value in tool.items() if key not in TOLD_OF_TOOLS})


def _pretty(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, default=str)


def _also_escaped(secrets: Iterable[str]) -> Iterator[str]:
    """Yield each secret as it is, and as it is written inside JSON text."""
    for secret in secrets:
        yield secret
        if (escaped := json.dumps(secret, ensure_ascii=False)[1:-1]) != secret:
            yield escaped
