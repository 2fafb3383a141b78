"""A comparison: one field of one call, as the wire has it and as the server has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from e2i_eval.checks.contract.difference import difference, excerpt
from e2i_eval.core.verdict import Finding

if TYPE_CHECKING:
    from e2i_eval.core.redaction import Mask

__all__ = ["FieldComparison", "Outcome"]

Outcome = Literal["agrees", "differs", "missing", "unsent"]
"""``missing``: on the wire and not logged. ``unsent``: logged and not on the wire."""

SENTENCES: dict[Outcome, str] = {
    "agrees": "{field} agrees",
    "differs": "{field} disagrees with the wire",
    "missing": "{field} is not logged",
    "unsent": "{field} was logged and never on the wire",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldComparison:
    """One field of one call.

    Attributes:
        group: the field group of the contract it belongs to, e.g. ``messages``.
        field: the field for a person, e.g. ``message 2 (user text)``.
        outcome: what came out.
        expected: what the wire has, as text; None where it has nothing.
        actual: what the server has, as text; None where it has nothing.
        note: more for a person, e.g. the reason of a known gap; may be empty.
    """

    group: str
    field: str
    outcome: Outcome
    expected: str | None = None
    actual: str | None = None
    note: str = ""

    @classmethod
    def judged(
        cls, group: str, field: str, *, agrees: bool, expected: str | None, actual: str | None, note: str = ""
    ) -> FieldComparison:
        """Return a comparison of two values that are both there."""
        outcome: Outcome = "agrees" if agrees else "differs"
        return cls(group=group, field=field, outcome=outcome, expected=expected, actual=actual, note=note)

    def finding(self, mask: Mask, *, call: str, span: str | None) -> Finding:
        """Return this disagreement as a finding, short and without secrets."""
        expected = None if self.expected is None else mask(self.expected)
        actual = None if self.actual is None else mask(self.actual)
        message = SENTENCES[self.outcome].format(field=self.field)
        if expected is not None and actual is not None:
            expected, actual, diff = difference(expected, actual)
            message = f"{message}\n{diff}" if diff else message
        return Finding(
            message=f"{message} ({self.note})" if self.note else message,
            field=self.field,
            expected=None if expected is None else excerpt(expected),
            actual=None if actual is None else excerpt(actual),
            call=call,
            span=span,
        )
