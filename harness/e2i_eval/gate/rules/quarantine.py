"""Quarantine: cases that are known to fail, for a reason and until a day; they are reported and do not block."""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from e2i_eval.core.errors import UsageError
from e2i_eval.core.suggestion import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["QUARANTINE_FILE", "Quarantine", "QuarantinedCase", "parse_quarantine"]

QUARANTINE_FILE = "quarantine.toml"
"""Its name in the golden folder."""

LONGEST_DAYS = 90
"""A test in quarantine without an end in sight might as well be deleted."""

EXAMPLE = '[[case]]\nid = "support/refund"\nreason = "the supplier changed its answer"\nuntil = 2026-12-31'


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedCase:
    """One case in quarantine.

    Attributes:
        case_id: ``<target>/<name>``, or ``<target>/<family>/<name>`` of a family's check.
        reason: why, one sentence.
        until: the last day on which the case does not block.
        ticket: where it is being worked on; empty when not given.
        where: ``file:line`` of the entry.
    """

    case_id: str
    reason: str
    until: dt.date
    where: str
    ticket: str = ""

    @property
    def text(self) -> str:
        """The entry in one line."""
        ticket = f" ({self.ticket})" if self.ticket else ""
        return f"quarantined until {self.until.isoformat()}: {self.reason}{ticket}"

    @property
    def expired_text(self) -> str:
        """The note on a case whose quarantine has ended."""
        return (
            f"{self.case_id} blocks again: its quarantine ended on {self.until.isoformat()}; "
            f"fix the case, or set a new date with a reason in {self.where}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """All cases in quarantine.

    Attributes:
        cases: as in the file.
        today: the day they are judged by, in UTC.
    """

    cases: tuple[QuarantinedCase, ...] = ()
    today: dt.date = dt.date.min

    def state(self, case_id: str) -> Literal["none", "active", "expired"]:
        """Tell whether a failure of the case is to be let through today."""
        found = self.find(case_id)
        if found is None:
            return "none"
        return "active" if self.today <= found.until else "expired"

    def find(self, case_id: str) -> QuarantinedCase | None:
        """Return the entry of a case."""
        return next((case for case in self.cases if case.case_id == case_id), None)

    @property
    def active_cases(self) -> tuple[QuarantinedCase, ...]:
        """The entries that hold today."""
        return tuple(case for case in self.cases if self.today <= case.until)

    @property
    def active(self) -> frozenset[str]:
        """Ids of the cases that do not block today."""
        return frozenset(case.case_id for case in self.active_cases)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    id: str = Field(min_length=1)
    reason: str = Field(min_length=1, pattern=r"\S")
    until: dt.date
    ticket: str = ""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    case: list[_Entry] = []


def parse_quarantine(text: str, *, where: str, today: dt.date, known: Collection[str]) -> Quarantine:
    """Read a quarantine file.

    Args:
        text: its content.
        where: the file, for errors.
        today: the current day in UTC.
        known: ids of all cases and of all checks of families there are.

    Raises:
        UsageError: the file is wrong, or an entry names an unknown case, no reason, no day, or one too far ahead.
    """
    try:
        file = _File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        what = f"the file is no valid TOML: {error}"
        raise UsageError(what, where=where, fix=f"an entry looks like this:\n{EXAMPLE}") from error
    except ValidationError as error:
        problems = "\n".join(_problem(text, each["loc"], each["msg"], each["type"]) for each in error.errors())
        what = f"the quarantine is wrong:\n{problems}"
        raise UsageError(what, where=where, fix=f"an entry looks like this:\n{EXAMPLE}") from error
    cases = tuple(_case(each, f"{where}:{_line(text, each.id)}", today, known) for each in file.case)
    _refuse_twice(cases)
    return Quarantine(cases=cases, today=today)


def _case(entry: _Entry, where: str, today: dt.date, known: Collection[str]) -> QuarantinedCase:
    if entry.id not in known:
        what = f"there is no case and no family check '{entry.id}'{did_you_mean(entry.id, known)}"
        raise UsageError(what, where=where, fix="correct the id, or remove the entry")
    latest = today + dt.timedelta(days=LONGEST_DAYS)
    if entry.until > latest:
        what = f"the quarantine of '{entry.id}' is to last until {entry.until}, more than {LONGEST_DAYS} days"
        raise UsageError(what, where=where, fix=f"choose a day up to {latest}")
    return QuarantinedCase(
        case_id=entry.id, reason=entry.reason.strip(), until=entry.until, ticket=entry.ticket, where=where
    )


def _refuse_twice(cases: tuple[QuarantinedCase, ...]) -> None:
    seen: set[str] = set()
    for case in cases:
        if case.case_id in seen:
            what = f"'{case.case_id}' is quarantined twice"
            raise UsageError(what, where=case.where, fix="keep one of the entries")
        seen.add(case.case_id)


def _problem(text: str, location: tuple[int | str, ...], message: str, kind: str) -> str:
    number = next((part for part in location if isinstance(part, int)), 0)
    starts = [at for at, line in enumerate(text.splitlines(), 1) if line.strip() == "[[case]]"]
    line = starts[number] if number < len(starts) else 1
    key = str(location[-1])
    known = {
        "missing": f"'{key}' is missing",
        "extra_forbidden": f"unknown key '{key}'{did_you_mean(key, _Entry.model_fields)}",
    }.get(kind, f"'{key}': {message}")
    return f"  line {line}: {known}"


def _line(text: str, case_id: str) -> int:
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if f'"{case_id}"' in line), 1)
