"""Secrets are found wherever they are, however often, and however they are spelt."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.checks.contract.contract import SecretRules
from e2i_eval.checks.contract.secrets_check import check_secrets
from e2i_eval.core.redaction import CUES, PATTERNS, SecretSearch

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.evidence import Evidence

    Recorded = Callable[[str], Evidence]

KEY = "sk-ant-api03-NOBODYS-KEY-42"

SPELLINGS = (
    ("API key", KEY),
    ("bearer token", "BEARER abc123def456ghi789"),
    ("basic credentials", "Authorization: Basic YWxhZGRpbjpvcGVu"),
    ("basic credentials", "author\u0131zat\u0130on=basic YWxhZGRpbjpvcGVu"),  # letters that (?i) takes for an i
    ("x-api-key header", "X-API-Key: abc123def456ghi789"),
    ("x-api-key header", "x-ap\u0131-\u212aey=abc123def456ghi789"),  # the second is the sign of Kelvin
)


def finding_places(evidence: Evidence, rules: SecretRules | None = None, **inputs: Any) -> list[str]:  # noqa: ANN401  any JSON
    """Return where secrets are found once the first span was asked ``inputs``."""
    (trace, *others) = evidence.traces or ()
    span, *rest = trace.spans
    told = replace(trace, spans=(replace(span, inputs=inputs), *rest))
    verdict = check_secrets(replace(evidence, traces=(told, *others)), rules or SecretRules())
    assert KEY not in str(verdict)
    return [finding.field or "" for finding in verdict.findings]


def test_a_text_that_recurs_is_a_finding_at_each_place(recorded: Recorded) -> None:
    """A text is searched once and reported wherever it is."""
    text = f"Use {KEY}."

    assert finding_places(recorded("anthropic_sync"), a=text, b=["harmless", text]) == ["inputs.a", "inputs.b.1"]


def test_a_secret_in_a_key_and_under_it_is_found(recorded: Recorded) -> None:
    """Keys are texts too; in the place of a finding the key is masked."""
    places = finding_places(recorded("anthropic_sync"), outer={KEY: {"note": KEY}})

    assert [place.partition(" (")[0].partition(".sk-a")[0] for place in places] == ["inputs.outer", "inputs.outer"]


def test_a_secret_in_json_text_is_found(recorded: Recorded) -> None:
    """JSON inside JSON, in which quotes are escaped."""
    inside = json.dumps({"body": json.dumps({"headers": {"x-key": KEY}})})

    assert finding_places(recorded("anthropic_sync"), body=inside) == ["inputs.body"]


def test_a_credential_is_told_by_its_key_though_the_same_text_is_harmless_elsewhere(recorded: Recorded) -> None:
    """What was found in a text does not depend on its key; whether it is a credential does."""
    value = "abc123def456ghi789"

    assert finding_places(recorded("anthropic_sync"), name=value, api_key=value) == ["inputs.api_key"]


def test_own_patterns_are_searched_in_every_text(recorded: Recorded) -> None:
    """Nothing is known of a contract's own pattern, also where it takes the name of another."""
    rules = SecretRules(patterns={"API key": r"\bkey-\d{4}\b"})

    assert finding_places(recorded("anthropic_sync"), rules, a="key-1234", b="key-12345") == ["inputs.a"]


@pytest.mark.parametrize(("kind", "text"), SPELLINGS)
def test_the_cue_of_a_pattern_is_in_all_that_it_matches(kind: str, text: str) -> None:
    """A text without the cue is never searched, so the cue must stay whatever the spelling."""
    match = re.search(PATTERNS[kind], text)

    assert match is not None
    assert (kind, match.group()) in SecretSearch((), PATTERNS).found_in(f"It says {text} here")
    assert CUES[PATTERNS[kind]] in text.lower()


def test_a_known_secret_is_found_once_as_what_it_is() -> None:
    """Not again as an API key; values too short to mean anything are not looked for."""
    search = SecretSearch((KEY, "abc"), PATTERNS)

    assert search.found_in(f"abc {KEY}") == (("known secret", KEY),)
    assert search.found_in(f"abc {KEY}") == (("known secret", KEY),)
