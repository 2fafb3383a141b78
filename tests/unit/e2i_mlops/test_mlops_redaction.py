"""Redaction takes secrets and identifiers, and nothing else."""

from __future__ import annotations

import pytest

from e2i.mlops.redaction import REDACTED, redact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key sk-ant-api03-AbC_123-xyz.", f"key {REDACTED}."),
        ("sk-proj-abcdefghijklmnopqrstuvwx", REDACTED),
        ("Authorization: Bearer eyJhbGciOi.J9-_x", f"Authorization: Bearer {REDACTED}"),
        ("http://me:hunter2@host/x", f"http://{REDACTED}@host/x"),
        ("write to jo.doe+x@clinic.co.uk!", f"write to {REDACTED}!"),
        ("call (555) 123-4567 now", f"call {REDACTED} now"),
        ("call 555-123-4567", f"call {REDACTED}"),
        ("call 555.123.4567.", f"call {REDACTED}."),
        ("+1 555 123 4567", REDACTED),
        ("+41 44 668 18 00", REDACTED),
        ("NPI: 1234567893", f"NPI: {REDACTED}"),
        ("npi number is 1234567893.", f"npi number is {REDACTED}."),
        ("MRN #A-0012345", f"MRN #{REDACTED}"),
        ("SSN 123-45-6789", f"SSN {REDACTED}"),
    ],
)
def test_what_must_go_goes(text: str, expected: str) -> None:
    """Each kind of secret is replaced where it stands; the words around it stay."""
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "5012345678 HCPs, 12345 TRx, 1,234,567 USD",
        "ate 6.0 [5.8, 6.2], p = 0.0012345678",
        "msg_01XFDUDYJgAACzvnptvVoYEL toolu_01A09q90qw90lq917835lq9",
        "2026-11-23T05:22:31.123Z and 2026-11-23 05:22",
        "01a206e2-642b-7758-8532-00c06fb8e9bb",
        "tr-fae3959fc2e4146f1032f5f9736fb1ee",
        "931de412145d 106e2c6a58979951165461211683506082cd578a",
        "NPI is a national identifier; 4,512 NPIs in the West; MRNs are never shown",
        "task-force risk-adjusted-long-named-thing-of-ours",
        "0.123 0.456 0.7890",
        "claude-sonnet-5-5, v1.2.3, 192.168.100.200, 10-12-14",
        "basic research",
        "Jan 100 200 3000",
    ],
)
def test_what_must_stay_stays(text: str) -> None:
    """Counts, metrics, dates, ids and versions look like identifiers only at first sight."""
    assert redact(text) == text


def test_numbers_and_structure_are_untouched() -> None:
    """Redaction maps JSON to JSON of the same shape."""
    value = {"trx": 5551234567, "ate": 1.5, "list": [None, True, 10.0], "nested": {"tokens": {"input_tokens": 12}}}

    assert redact(value) == value


def test_values_under_secret_names_go_whatever_they_look_like() -> None:
    """A name that means a secret is enough, in any spelling of case."""
    value = {"Authorization": "abc", "headers": {"x-api-key": "k"}, "npi": 1234567893, "password": None, "a@b.com": 1}

    assert redact(value) == {
        "Authorization": REDACTED,
        "headers": {"x-api-key": REDACTED},
        "npi": REDACTED,
        "password": None,
        REDACTED: 1,
    }
