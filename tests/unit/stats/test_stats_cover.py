"""How much several spans cover together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2i_eval.core.intervals import covered

SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=12)


@pytest.mark.parametrize(
    ("spans", "length"),
    [([], 0), ([(0, 2), (1, 3), (5, 6)], 4), ([(0, 9), (1, 2)], 9), ([(3, 1)], 0), ([(5, 6), (5, 6)], 1)],
)
def test_what_overlaps_counts_once(spans: list[tuple[float, float]], length: float) -> None:
    """In whatever order."""
    assert covered(spans) == length
    assert covered(reversed(spans)) == length


@given(SPANS)
def test_it_is_the_number_of_unit_steps_inside_a_span(spans: list[tuple[int, int]]) -> None:
    """Counted one by one."""
    inside = {step for start, end in spans for step in range(start, end)}

    assert covered(spans) == len(inside)
