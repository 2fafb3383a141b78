"""The subject of a judgement: what was asked, and the part of the answer that is judged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["JudgeSubject", "part_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSubject:
    """What a judge is shown.

    Attributes:
        case_id: the case.
        inputs: what the target was called with.
        answer: the judged part of its output.
    """

    case_id: str
    inputs: JsonObject
    answer: JsonValue

    @property
    def question(self) -> str:
        """The inputs as text."""
        return as_text(dict(self.inputs))

    @property
    def text(self) -> str:
        """The answer as text."""
        return as_text(self.answer)


def as_text(value: JsonValue) -> str:
    """Return a text as it is, and anything else as JSON of several lines."""
    return value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True)


def part_of(output: JsonValue, path: str) -> JsonValue:
    """Return the part of an output that a dotted path names, e.g. ``gaps.0.region``; all of it for an empty one.

    Raises:
        LookupError: there is no such part.
    """
    found: JsonValue = output
    for step in path.split(".") if path else ():
        if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        elif isinstance(found, dict) and step in found:
            found = found[step]
        else:
            message = f"the output has no {path!r}"
            raise LookupError(message)
    return found
