"""A batch answer: what came back for one request of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.core.exchange import Usage
    from e2i_eval.core.json_value import JsonObject

__all__ = ["BatchAnswer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAnswer:
    """What came back for one request of a batch.

    Attributes:
        message: Claude's; None when there is none.
        error: why there is none; empty when there is one.
        usage: what it used; None when that is not stated.
    """

    message: JsonObject | None = None
    error: str = ""
    usage: Usage | None = None
