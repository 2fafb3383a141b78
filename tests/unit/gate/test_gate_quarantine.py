"""Quarantine: a reason, an end, a known case."""

from __future__ import annotations

import datetime as dt

import pytest

from e2i_eval.core.errors import UsageError
from e2i_eval.gate.rules.quarantine import Quarantine, parse_quarantine

TODAY = dt.date(2026, 12, 1)
KNOWN = ("support/refund", "support/delivery")


def parse(text: str) -> Quarantine:
    """Read a quarantine of two known cases."""
    return parse_quarantine(text, where="golden/quarantine.toml", today=TODAY, known=KNOWN)


def entry(*, case_id: str = "support/refund", reason: str = "a known fault", until: str = "2026-12-24") -> str:
    """Return an entry."""
    return f'[[case]]\nid = "{case_id}"\nreason = "{reason}"\nuntil = {until}\n'


@pytest.mark.parametrize(
    ("until", "state"), [("2026-12-24", "active"), ("2026-12-01", "active"), ("2026-11-30", "expired")]
)
def test_it_holds_through_its_last_day(until: str, state: str) -> None:
    """On the day itself a failure is still let through."""
    quarantine = parse(entry(until=until))

    assert quarantine.state("support/refund") == state
    assert quarantine.state("support/delivery") == "none"
    assert quarantine.active == ({"support/refund"} if state == "active" else set())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            entry(case_id="support/refnd"),
            "there is no case and no family check 'support/refnd', did you mean 'support/refund'?",
        ),
        (entry(until="2027-03-02"), "more than 90 days"),
        (entry(reason=" "), "line 1: 'reason'"),
        ('[[case]]\nid = "support/refund"\nuntil = 2026-12-24\n', "line 1: 'reason' is missing"),
        ('[[case]]\nid = "support/refund"\nreason = "r"\n', "line 1: 'until' is missing"),
        (entry(until='"soon"'), "line 1: 'until'"),
        (entry() + 'expires = "x"\n', "unknown key 'expires'"),
        (entry() + entry(), "golden/quarantine.toml:2: 'support/refund' is quarantined twice"),
        ("[[case]\n", "no valid TOML"),
        ("[cases]\n", "unknown key 'cases'"),
    ],
)
def test_what_is_wrong_is_refused_at_the_door(text: str, said: str) -> None:
    """The error says where, and shows an entry or a way out."""
    with pytest.raises(UsageError) as caught:
        parse(text)

    assert said in str(caught.value)
    assert str(caught.value).startswith("golden/quarantine.toml")


def test_the_longest_quarantine_is_allowed() -> None:
    """Ninety days from today."""
    assert parse(entry(until="2027-03-01")).active == {"support/refund"}
