"""When two outputs are the same, and where they are not."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2i_eval.checks.compare.comparison import EXACT, ComparisonRules
from e2i_eval.checks.compare.data_path import NOTHING, all_paths, value_at
from e2i_eval.checks.compare.diff_path import diff_path, parse_diff_path
from e2i_eval.checks.compare.difference import differences
from e2i_eval.checks.compare.pairing import paired
from e2i_eval.checks.compare.text import shown, text_difference
from e2i_eval.core.case import Tolerance

QUICK = settings(max_examples=150, deadline=None, derandomize=True, database=None)
NAN = math.nan
UNORDERED = ComparisonRules(ignore_order=True)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 2.5, NAN, math.inf, "", "a", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        ([1], [True], False),
        (0, False, False),
        (NAN, NAN, True),
        (NAN, 1.0, False),
        (1.0, NAN, False),
        (NAN, None, False),
        (math.inf, math.inf, True),
        (math.inf, -math.inf, False),
        (2**53, 2**53 + 1, False),
        (10**400, 1.0, False),
        ("", None, False),
        ("1", 1, False),
        ([], {}, False),
        ({"a": None}, {}, False),
        ({"__meta": 1}, {"__meta": 2}, False),
        ([1, 2], [2, 1], False),
    ],
)
def test_sameness(expected: object, actual: object, same: bool) -> None:  # noqa: FBT001  a column of the table
    """The documented rules; a difference is always explained."""
    assert EXACT.same(expected, actual) is same
    assert (differences(expected, actual, EXACT) == ()) is same


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ([1, 2, 3], [3.0, 2.0, 1.0], True),
        ([1, 1, 2], [1, 2, 2], False),
        ([1, 1, 2], [1, 2], False),
        ([[1, 2], [3]], [[3], [2, 1]], True),
        ([{"a": [1, 2]}, {"a": [3]}], [{"a": [3]}, {"a": [2, 1]}], True),
        ([1], [True], False),
    ],
)
def test_without_order(expected: object, actual: object, same: bool) -> None:  # noqa: FBT001  a column of the table
    """Order does not count, on any level; how often something occurs does."""
    assert UNORDERED.same(expected, actual) is same
    assert (differences(expected, actual, UNORDERED) == ()) is same


def test_pairing_moves_what_is_paired_already() -> None:
    """With a tolerance the first that fits may be wanted more by another."""
    near = ComparisonRules(ignore_order=True, tolerance=Tolerance(abs=0.101))

    assert near.same([1.0, 1.2, 1.1], [1.1, 1.0, 1.3])
    assert not near.same([1.0, 1.2, 1.2], [1.1, 1.0, 1.4])


@QUICK
@given(edges=st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4))))
def test_a_pairing_is_as_large_as_can_be(edges: set[tuple[int, int]]) -> None:
    """Against trying all of them."""
    pairs = paired(5, 5, lambda i, j: (i, j) in edges)

    def largest(item: int, free: frozenset[int]) -> int:
        if item == 5:
            return 0
        options = [1 + largest(item + 1, free - {at}) for at in free if (item, at) in edges]
        return max([largest(item + 1, free), *options])

    taken = [at for at in pairs if at is not None]
    assert len(taken) == len(set(taken)) == largest(0, frozenset(range(5)))
    assert all((item, at) in edges for item, at in enumerate(pairs) if at is not None)


@QUICK
@given(one=st.floats(allow_infinity=True), other=st.floats(), rel=st.floats(0, 0.99), absolute=st.floats(0, 1e300))
def test_the_tolerance_is_symmetrical(one: float, other: float, rel: float, absolute: float) -> None:
    """Neither number is the reference; NaN is near nothing but NaN."""
    near = ComparisonRules(tolerance=Tolerance(rel=rel, abs=absolute))

    assert near.same_numbers(one, other) is near.same_numbers(other, one)
    assert near.same_numbers(one, one)
    assert near.same_numbers(one, NAN) is math.isnan(one)


@pytest.mark.parametrize(
    ("tolerance", "expected", "actual", "same"),
    [
        (Tolerance(abs=0.5), 1, 1.5, True),
        (Tolerance(abs=0.5), 1, 1.5000001, False),
        (Tolerance(rel=0.25), 3.0, 4.0, True),
        (Tolerance(rel=0.25), 2.9999, 4.0, False),
        (Tolerance(rel=0.5, abs=0.1), 0.0, 0.1, True),
        (Tolerance(rel=0.5), 0.0, 1e-300, False),
        (Tolerance(rel=0.5), math.inf, 1e308, False),
    ],
)
def test_the_tolerances_boundary(tolerance: Tolerance, expected: float, actual: float, same: bool) -> None:  # noqa: FBT001  a column of the table
    """Both limits, each just inside and just outside, in nested data too."""
    near = ComparisonRules(tolerance=tolerance)

    assert near.same(expected, actual) is same
    assert (differences({"a": [expected]}, {"a": [actual]}, near) == ()) is same


@QUICK
@given(expected=JSON, actual=JSON)
def test_differences_are_empty_exactly_when_the_same(expected: object, actual: object) -> None:
    """Both ways round, with and without order."""
    for comparison in (EXACT, UNORDERED):
        same = comparison.same(expected, actual)

        assert comparison.same(actual, expected) is same
        assert (differences(expected, actual, comparison) == ()) is same
        assert comparison.same(expected, expected)


@QUICK
@given(data=st.lists(JSON, max_size=5), seed=st.randoms(use_true_random=False))
def test_a_shuffled_list_is_the_same_without_order(data: list[Any], seed: Any) -> None:  # noqa: ANN401  hypothesis' random
    """Whatever the items are."""
    shuffled = [*data]
    seed.shuffle(shuffled)

    assert UNORDERED.same(data, shuffled)


def test_differences_name_each_place() -> None:
    """Changed, missing and unexpected, with list indices as numbers, in order of path."""
    found = differences(
        {"a": [{"x": 1}, {"x": 2}], "b": 1, "c": "same"}, {"a": [{"x": 1}, {"x": 3}], "c": "same", "d": None}, EXACT
    )

    assert [(each.path, each.kind, each.expected, each.actual) for each in found] == [
        (("a", 1, "x"), "changed", 2, 3),
        (("b",), "missing", 1, None),
        (("d",), "unexpected", None, None),
    ]


def test_differences_that_deepdiff_passes_over_are_named() -> None:
    """A bool for the number it equals in a list, and keys that look private."""
    found = differences({"__meta": 1, "n": 1, "xs": [0, True]}, {"__meta": 2, "n": 2, "xs": [0, 1]}, EXACT)

    assert [each.path for each in found] == [("__meta",), ("n",), ("xs", 1)]


def test_differences_are_named_also_when_most_keys_differ() -> None:
    """Instead of the mapping around them."""
    found = differences({"m": {"a": 1}}, {"m": {"b": 1}}, EXACT)

    assert [(each.path, each.kind) for each in found] == [(("m", "a"), "missing"), (("m", "b"), "unexpected")]


def test_a_list_of_another_length_is_aligned() -> None:
    """An item left out at the front does not make all others differ."""
    (found,) = differences(["plan", "act", "answer"], ["act", "answer"], EXACT)

    assert (found.path, found.kind, found.expected) == ((0,), "missing", "plan")


def test_differences_without_order_are_shown_beside_the_nearest_free_item() -> None:
    """Items that agree are out of the way."""
    (found,) = differences([{"n": 1}, {"n": 2}, {"n": 3}], [{"n": 3}, {"n": 1}, {"n": 9}], UNORDERED)

    assert (found.path, found.expected, found.actual) == ((1, "n"), 2, 9)


def test_ignored_paths_do_not_count() -> None:
    """Exact paths in either quotes, patterns, also where one side has nothing."""
    comparison = ComparisonRules.of(
        tolerance=Tolerance(), ignore_order=False, ignore=['root["run_id"]', "root['xs'][1]"], ignore_regex=[r"_at'\]$"]
    )
    expected = {"run_id": 1, "xs": [1, 2], "n": {"made_at": 5}}

    assert comparison.same(expected, {"run_id": 2, "xs": [1, 3], "n": {"read_at": 6}})
    assert differences(expected, {"xs": [1], "n": {}}, comparison) == ()
    assert [each.path for each in differences(expected, {"xs": [2, 2], "n": {}}, comparison)] == [("xs", 0)]


@pytest.mark.parametrize("path", [("a",), ("a.b", 0, "it's"), ('say "x"', 12)])
def test_deepdiff_paths_round_trip(path: tuple[str | int, ...]) -> None:
    """Keys with dots, quotes and indices."""
    assert parse_diff_path(diff_path(path)) == path


@pytest.mark.parametrize("text", ["root", "run_id", "root.a", "root['a'", "root[a]", "root['a']x", "", "root[-1]"])
def test_other_texts_are_no_deepdiff_paths(text: str) -> None:
    """The message shows how to write one."""
    with pytest.raises(ValueError, match=re.escape(f"'{text}' is no DeepDiff path; write it like root['gaps']")):
        parse_diff_path(text)


def test_values_are_found_by_dotted_path() -> None:
    """Through lists, through keys with dots, and to None, which is a value."""
    data = {"gaps": [{"region": "West"}], "e2i.brand": {"name": None}, "7": "seven", "": 0}

    assert value_at(data, "gaps.0.region") == "West"
    assert value_at(data, "e2i.brand.name") is None
    assert value_at(data, "7") == "seven"
    assert value_at("text", ".") == "text"
    for missing in ("gaps.1", "gaps.-1", "gaps.x", "gaps.0.region.x", "e2i", "e2i.brand.", "nothing", "gaps.٣"):
        assert value_at(data, missing) is NOTHING


@QUICK
@given(data=st.dictionaries(st.text("ab", min_size=1, max_size=2), JSON, max_size=3))
def test_every_listed_path_leads_to_a_value(data: dict[str, Any]) -> None:
    """What a message offers exists."""
    for path in all_paths(data):
        assert value_at(data, path) is not NOTHING


def test_long_lines_differ_by_words() -> None:
    """With a few words around each change."""
    expected = "The campaign raised prescriptions by three per month in the West, which the placebo test supports."
    actual = expected.replace("raised", "did not raise").replace("supports", "refutes")

    assert text_difference(expected, actual) == (
        "The campaign [-raised-]{+did not raise+} prescriptions by three per … which the placebo test "
        "[-supports.-]{+refutes.+}"
    )


def test_long_paragraphs_differ_by_lines() -> None:
    """As a unified diff."""
    expected = "\n".join(f"line {at} of the narrative" for at in range(5))

    assert text_difference(expected, expected.replace("line 2", "row 2")) == (
        "--- expected\n+++ got\n@@ -2,3 +2,3 @@\n line 1 of the narrative\n-line 2 of the narrative\n"
        "+row 2 of the narrative\n line 3 of the narrative"
    )
    assert text_difference(expected, expected + "\n") == "they differ in their line ends only"


def test_short_texts_are_shown_whole() -> None:
    """Values as JSON, cut when long, non-finite numbers as YAML writes them."""
    assert text_difference("Monday", "Tuesday") is None
    assert shown("é") == '"é"'
    assert shown("x" * 300) == f'"{"x" * 199}… (302 letters)'
    assert [shown(number) for number in (NAN, math.inf, -math.inf)] == [".nan", ".inf", "-.inf"]
