"""Prices are looked up by model id and multiplied by what was used."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.errors import UsageError
from e2i_eval.core.exchange import Usage
from e2i_eval.core.prices import PriceTable, cost_usd

if TYPE_CHECKING:
    from pathlib import Path

MILLION = 1_000_000
ALL = Usage(
    input_tokens=MILLION,
    output_tokens=MILLION,
    cache_read_tokens=MILLION,
    cache_write_5m_tokens=MILLION,
    cache_write_1h_tokens=MILLION,
)


@pytest.mark.parametrize(
    ("model", "per_input", "per_output", "per_read"),
    [
        ("claude-fable-5-2", 8, 40, 0.20),
        ("claude-opus-5-5", 4, 20, 0.20),
        ("claude-sonnet-5-5", 2, 10, 0.10),
        ("claude-sonnet-5", 2, 10, 0.20),
        ("claude-haiku-4-5-20251001", 1, 5, 0.10),
        ("claude-sonnet-4-6", 3, 15, 0.30),
        ("claude-opus-4-5@20251101", 5, 25, 0.50),
        ("claude-opus-4-8", 5, 25, 0.50),
        ("claude-opus-5", 5, 25, 0.50),
        ("claude-haiku-5-5", 0.50, 2.50, 0.05),
    ],
)
def test_a_call_costs_the_sum_of_its_parts(model: str, per_input: float, per_output: float, per_read: float) -> None:
    """Cache writes are dearer than input, reads cheaper."""
    assert cost_usd(model, ALL) == pytest.approx(per_input * (1 + 1.25 + 2) + per_output + per_read)


@pytest.mark.parametrize(("cache_read", "expected"), [(90_000, 0.00195), (90_001, 0.00950005)])
def test_long_prompts_have_their_own_price(cache_read: int, expected: float) -> None:
    """Decided by all input, cached or not, and for the whole call."""
    usage = Usage(input_tokens=10_000, output_tokens=100, cache_read_tokens=cache_read)

    assert cost_usd("claude-haiku-5-5", usage) == pytest.approx(expected + (0 if cache_read == 90_000 else 0.00025))


@pytest.mark.parametrize("model", ["", "gpt-9", "claude-opus-5-9", "claude-sonnet-5-55", "claude-opus-4-8-fast"])
def test_an_unknown_model_has_no_price(model: str) -> None:
    """A newer model never gets the price of an older one."""
    assert cost_usd(model, ALL) is None


def test_the_table_is_dated() -> None:
    """The day is for the report."""
    assert PriceTable.load().date == dt.date(2026, 11, 10)


def test_a_project_can_replace_the_table(tmp_path: Path) -> None:
    """With its own prices and factors."""
    path = tmp_path / "prices.toml"
    path.write_text("date = 2027-01-01\n[models]\nown-model = {input = 1, output = 2, cache_read = 3}\n")
    table = PriceTable.load(path)

    assert table.date == dt.date(2027, 1, 1)
    assert table.cost_usd("own-model-20270101", ALL) == pytest.approx(1 + 1.25 + 2 + 2 + 3)
    assert table.cost_usd("claude-sonnet-5", ALL) is None


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("date = ", "not a price table"),
        ("date = 2027-01-01", "missing 'models'"),
        ("date = 'today'\n[models]", "date is 'today'"),
        ("date = 2027-01-01\n[models]\nm = {input = 1, output = 2}", "missing 'cache_read'"),
        ("date = 2027-01-01\n[models]\nm = {input = 'x', output = 2, cache_read = 1}", "m.input is 'x'"),
        (
            "date = 2027-01-01\n[models]\nm = {input = 1, output = 2, cache_read = 1, cached = 3}",
            "unknown keys: cached",
        ),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, text: str, what: str) -> None:
    """With the file and the mistake."""
    path = tmp_path / "prices.toml"
    path.write_text(text)

    with pytest.raises(UsageError, match=what) as caught:
        PriceTable.load(path)
    assert caught.value.where == str(path)


def test_an_absent_table_is_named(tmp_path: Path) -> None:
    """As any other mistake."""
    with pytest.raises(UsageError, match="No such file"):
        PriceTable.load(tmp_path / "none.toml")
