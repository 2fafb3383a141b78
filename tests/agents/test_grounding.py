"""A number in a text is grounded if and only if some fact rounds to it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2i.agents.grounding import facts_in, figures_in, ungrounded

FACTS = {
    "ate": 2.764,
    "harm": -0.98,
    "share": 0.1841,
    "usd": 37520000.0,
    "rows": 5000,
    "nested": [{"p": 0.04}],
    "batch": "shift_02",
    "note": "it was 77 once",
    "flag": True,
    "nothing": None,
}


@pytest.mark.parametrize(
    "text",
    [
        "2.764",
        "about 2.8 TRx",
        "3 TRx",
        "18 %",
        "18.4%",
        "18 percent",
        "eighteen percent",
        "eighteen per cent",
        "USD 37,520,000",
        "$37.5 million",
        "$37.5M",
        "37.52 million",
        "38,000,000",
        "5,000 prescribers",
        "5 thousand",
        "5k rows",
        "five thousand rows",
        "fell by 0.98",
        "-0.98",
        "\N{MINUS SIGN}1.0",
        "+2.8",
        "4 %",
        "0.98-2.8",
        "from 0.98 to 2.76.",
        "batch shift_02",
        "in Q3 and H1",
        "no number at all",
        "doubled, in three regions",
    ],
)
def test_rounded_facts_are_grounded(text: str) -> None:
    """A fact may be rounded, scaled to percent or millions, and lose its minus to a word."""
    assert ungrounded(text, FACTS) == ()


@pytest.mark.parametrize(
    ("text", "loose"),
    [
        ("2.9", "2.9"),
        ("2.77", "2.77"),
        ("2.7640", None),
        ("19 %", "19 %"),
        ("2.8 %", "2.8 %"),
        ("nineteen percent", "nineteen percent"),
        ("twenty-one percent", "twenty-one percent"),
        ("$38.5 million", "$38.5 million"),
        ("0.5 million", "0.5 million"),
        ("six thousand", "six thousand"),
        ("-2.8", "-2.8"),
        ("+0.98", "+0.98"),
        ("77", "77"),
        ("TRx2.9", "2.9"),
        ("USD41", "41"),
        ("1e3", "1e3"),
        ("37,000,000", "37,000,000"),
        ("shift_07", "07"),
        ("Q5", "5"),
    ],
)
def test_other_numbers_are_not(text: str, loose: str | None) -> None:
    """An invented number is named as it was written; a sentence among the facts excuses none."""
    assert ungrounded(text, FACTS) == (() if loose is None else (loose,))


def test_facts_are_the_finite_numbers() -> None:
    """Numbers at any depth, without booleans, None, strings and what is not finite."""
    facts = {"a": [1, (2.5, {"b": -3})], "c": True, "d": None, "e": "4", "f": float("nan"), "g": float("inf")}

    assert list(facts_in(facts)) == [Decimal(1), Decimal("2.5"), Decimal(-3)]


@given(st.floats(-1e9, 1e9), st.integers(0, 6))
def test_any_rounding_of_a_fact_is_grounded(value: float, digits: int) -> None:
    """Whatever Python prints of a fact, rounded to any number of digits, is grounded."""
    assert ungrounded(f"it is {value:.{digits}f} now", {"x": value}) == ()


@given(st.floats(-1e6, 1e6), st.integers(0, 2))
def test_any_percentage_of_a_fact_is_grounded(value: float, digits: int) -> None:
    """So is the same as a percentage."""
    assert ungrounded(f"it is {value:.{digits}%} now", {"x": value}) == ()


@given(st.floats(0.01, 1e5), st.integers(2, 6))
def test_a_neighbour_of_a_fact_is_not_grounded(value: float, digits: int) -> None:
    """A number that is off by more than its last digit is refused."""
    off = value + 1.6 * 10**-digits

    assert ungrounded(f"it is {off:.{digits}f} now", {"x": value}) != ()


@given(st.text())
def test_no_text_breaks_the_check(text: str) -> None:
    """Any text can be judged; each figure found was written in it."""
    assert all(figure in text for figure in ungrounded(text, {}))


@given(st.lists(st.decimals(0, 10**6, places=2), max_size=5))
def test_all_figures_are_found(numbers: list[Decimal]) -> None:
    """No written number is overlooked."""
    text = " and ".join(f"{number:f}" for number in numbers)

    assert [figure.value for figure in figures_in(text)] == numbers
