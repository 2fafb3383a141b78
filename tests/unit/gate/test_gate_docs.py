"""The page of the gate says what the code does."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from pathlib import Path

from e2i_eval.gate.rules.metric import METRICS
from e2i_eval.gate.rules.quarantine import parse_quarantine
from e2i_eval.gate.rules.rulebook import DEFAULT_RULES, LIVE_DEFAULT_RULES, parse_rules

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "gate.md").read_text()
TOML = re.findall(r"^```toml\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_every_metric_is_in_the_table() -> None:
    """In the words of the code."""
    rows = re.findall(r"^\| `(\w+)` \| (more|less|change) \| (.*) \|$", PAGE, flags=re.MULTILINE)

    assert rows == [(each.name, each.worse, each.help) for each in METRICS.values()]


def test_the_default_rules_are_those_of_the_page() -> None:
    """All of them, in order."""
    said = next(line for line in PAGE.splitlines() if line.startswith("`input_tokens:+0%`, "))

    assert re.findall(r"`([^`]+)`", said) == list(DEFAULT_RULES)
    assert all(f"`{rule}`" in PAGE for rule in LIVE_DEFAULT_RULES)


def test_the_examples_can_be_typed() -> None:
    """The rules, and the quarantine."""
    table = tomllib.loads(TOML[0])["tool"]["e2i_eval"]
    own = {name: ("here", target["gate"]) for name, target in table["targets"].items()}

    assert len(parse_rules(table["gate"], where="here", targets=table["targets"], own=own)) == 3
    quarantine = parse_quarantine(TOML[1], where="here", today=dt.date(2026, 12, 1), known=["support/refund"])
    assert quarantine.active == {"support/refund"}
