"""A run: what one call of a target gave back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonValue

__all__ = ["Run", "RunError"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunError:
    """An exception the target raised.

    Attributes:
        type: its class name.
        bases: class names it inherits from, nearest first, ``object`` left out.
        message: its text.
        traceback: formatted, for a person.
    """

    type: str
    bases: tuple[str, ...]
    message: str
    traceback: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one call of a target gave back.

    Attributes:
        output: as plain JSON data; None when it raised.
        error: None when it returned.
        started_at_s: seconds since the epoch.
        duration_s: what the caller waited.
        flush_s: what it took afterwards until the target's logging had left the process.
    """

    output: JsonValue
    error: RunError | None
    started_at_s: float
    duration_s: float
    flush_s: float = 0.0
