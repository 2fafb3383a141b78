"""A call record: one call to Claude as the wire has it, beside what the tracking server kept of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonObject

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


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One call, or one span that no call explains.

    Attributes:
        call: which call, for a person; empty for a span that stands for none.
        span: which span the server has for it, for a person; empty when it has none.
        note: what is odd about the pair (``logged twice``); empty when nothing is.
        fields: what was compared, in the order it was.
    """

    call: str
    span: str
    note: str = ""
    fields: tuple[FieldRecord, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the record as plain JSON; a field is a list of four."""
        rows = [[each.name, each.wire, each.server, each.outcome] for each in self.fields]
        return {"call": self.call, "span": self.span, "note": self.note, "fields": rows}

    @classmethod
    def from_json(cls, data: JsonObject) -> CallRecord:
        """Read what ``to_json`` wrote."""
        rows = (
            FieldRecord(name=name, wire=wire, server=server, outcome=outcome)
            for name, wire, server, outcome in data["fields"]
        )
        return cls(call=data["call"], span=data["span"], note=data["note"], fields=tuple(rows))
