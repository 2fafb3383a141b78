"""A call record: one call to Claude as the wire has it, beside what the tracking server kept of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CallRecord", "FieldRecord"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRecord:
    """One compared field, short and without secrets.

    Attributes:
        name: the field for a person, e.g. ``input_tokens``.
        wire: what was on the wire; None where it had nothing.
        server: what the server has; None where it has nothing, or where it has the same.
        outcome: ``agrees``, ``differs``, ``missing`` (not logged) or ``unsent`` (logged, never on the wire).
    """

    name: str
    wire: str | None
    server: str | None
    outcome: str

    def to_json(self) -> list[str | None]:
        """Return the field as a list of four: a report has thousands of them."""
        return [self.name, self.wire, self.server, self.outcome]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> FieldRecord:
        """Read what ``to_json`` wrote."""
        name, wire, server, outcome = data
        return cls(name=name, wire=wire, server=server, outcome=outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One call, or one span that no call explains.

    Attributes:
        call: which call, for a person; empty for a span that stands for none.
        span: which span the server has for it, for a person; empty when it has none.
        note: what is odd about the pair (``logged twice``); empty when nothing is.
        fields: what was compared, in the order it was.
    """

    IGNORES_UNKNOWN_KEYS: ClassVar[bool] = True

    call: str
    span: str
    note: str = ""
    fields: tuple[FieldRecord, ...] = ()
