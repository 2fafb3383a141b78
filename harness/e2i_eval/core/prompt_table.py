"""A table of prompts: each section is kept once, however many calls share it.

The system prompt and the tools of a node are the same in all of its cases: in the reference platform's 213 calls
676 sections are 215 different ones, and the text shrinks from 820 KB to 400 KB.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["PromptTable", "folded", "section_key", "unfolded"]

HEADER = re.compile(r"\[(system|user|assistant|tool|settings|request)\b[^\]]*\]")
"""The line a section begins with; such a line within a text only makes two sections of it."""

KEY_CHARS = 12


class PromptTable:
    """Sections of prompts by key, in the order they were added.

    Attributes:
        sections: the lines of each section, by key.
    """

    def __init__(self, sections: Mapping[str, Sequence[str]] | None = None) -> None:
        self.sections = {key: tuple(lines) for key, lines in (sections or {}).items()}

    def add(self, prompt: Iterable[str]) -> tuple[str, ...]:
        """Keep a prompt; return the keys of its sections."""
        keys = []
        for section in _sections(prompt):
            key = section_key(section)
            self.sections[key] = section
            keys.append(key)
        return tuple(keys)

    def prompt(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Return the prompt made of these sections.

        Raises:
            KeyError: a section is not in the table.
        """
        return tuple(line for key in keys for line in self.sections[key])


def section_key(section: Sequence[str]) -> str:
    """Return the key of a section: the beginning of the SHA-256 of its text."""
    return hashlib.sha256("\n".join(section).encode("utf-8", "surrogatepass")).hexdigest()[:KEY_CHARS]


def folded(cases: Iterable[JsonObject]) -> tuple[list[dict[str, JsonValue]], dict[str, str]]:
    """Return case results as JSON with keys in place of prompts, and the text of each section by key."""
    table = PromptTable()
    changed = [_with_prompts(case, lambda prompt: list(table.add(prompt))) for case in cases]
    return changed, {key: "\n".join(lines) for key, lines in table.sections.items()}


def unfolded(cases: Iterable[JsonObject], sections: Mapping[str, str]) -> list[dict[str, JsonValue]]:
    """Return what ``folded`` was given.

    Raises:
        KeyError: a section is not in the table.
    """
    table = PromptTable({key: text.split("\n") for key, text in sections.items()})
    return [_with_prompts(case, lambda keys: list(table.prompt(keys))) for case in cases]


def _with_prompts(case: JsonObject, write: Callable[[list[str]], list[str]]) -> dict[str, JsonValue]:
    behaviour = case.get("behaviour")
    if not behaviour:
        return dict(case)
    calls = [{**call, "prompt": write(call["prompt"])} for call in behaviour["calls"]]
    return {**case, "behaviour": {**behaviour, "calls": calls}}


def _sections(prompt: Iterable[str]) -> Iterator[tuple[str, ...]]:
    section: list[str] = []
    for line in prompt:
        if section and HEADER.fullmatch(line):
            yield tuple(section)
            section = []
        section.append(line)
    if section:
        yield tuple(section)
