"""Whether the caller gets the same: outputs, chunks, errors, and what may differ by itself."""

from __future__ import annotations

import itertools
import uuid
from typing import TYPE_CHECKING

import pytest

from e2i_eval.benchmark.overhead.outcome import Outcome, observed, without_ids
from e2i_eval.benchmark.overhead.transparency import compared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.core.json_value import JsonObject, JsonValue


def streamed(*chunks: JsonValue, error: Exception | None = None) -> Outcome:
    """Return what a caller gets who reads such a stream."""

    def stream(_inputs: JsonObject) -> Iterator[JsonValue]:
        yield from chunks
        if error:
            raise error

    return observed(stream, {}, is_stream=True)


@pytest.mark.parametrize(
    ("plain", "logged", "place"),
    [
        (streamed("a", "b"), streamed("a", "b", "b"), "root['chunks'][2]"),
        (streamed("a", "b"), streamed("ab"), "root['chunks']"),
        (streamed("a", "b"), streamed("b", "a"), "root['chunks'][0]"),
        (streamed("a"), streamed("a", error=ValueError("late")), "root['error']"),
        (streamed(error=ValueError("x")), streamed(error=KeyError("x")), "root['error'][0]"),
        (streamed(error=ValueError("x")), streamed(error=ValueError("y")), "root['error'][1]"),
        (Outcome(output=1), Outcome(output=1.0), "root['output']"),
        (Outcome(output={}, type="builtins.dict"), Outcome(output={}, type="proxy.Dict"), "root['type']"),
    ],
    ids=["one more", "joined", "order", "late error", "error type", "error message", "number type", "wrapped"],
)
def test_a_difference_is_found_and_placed(plain: Outcome, logged: Outcome, place: str) -> None:
    """Whatever a caller could tell the variants apart by."""
    found = compared("stream", lambda: plain, lambda: logged)

    assert any(each.startswith(f"stream: {place}") for each in found.differences)


def test_chunks_before_an_error_count() -> None:
    """A stream that breaks has given what came before."""
    assert streamed("a", "b", error=ValueError("x")).chunks == ("a", "b")


def test_ids_drawn_anew_do_not_count_but_their_places_do() -> None:
    """Two equal ids stay equal, two different ones different."""
    same, other = str(uuid.uuid4()), str(uuid.uuid4())

    assert without_ids([same, same]) == without_ids([other, other])
    assert without_ids([same, same]) != without_ids([same, other])
    assert without_ids({"run": f"lc_run--{same}"}) == {"run": "lc_run--<id 1>"}


def test_chunks_of_branches_may_come_in_any_order_when_they_do_so_without_logging() -> None:
    """Then they are compared as a set, which is said; one that is missing is still found."""
    turns = itertools.cycle([("a", "b"), ("b", "a")])

    same = compared("stream", lambda: streamed(*next(turns)), lambda: streamed("b", "a"))
    less = compared("stream", lambda: streamed(*next(turns)), lambda: streamed("b"))

    assert same.differences == ()
    assert "order of chunks" in same.not_compared[0]
    assert less.differences


def test_a_place_that_differs_without_logging_hides_no_other_place() -> None:
    """A duration changes by itself; the answer beside it does not."""
    ticks = itertools.count()

    found = compared(
        "invoke",
        lambda: Outcome(output={"ms": next(ticks), "answer": "Monday"}),
        lambda: Outcome(output={"ms": next(ticks), "answer": "Tuesday"}),
    )

    assert found.not_compared == ("invoke: root['output']['ms']",)
    assert [each.partition(": without")[0] for each in found.differences] == ["invoke: root['output']['answer']"]


def test_what_differs_once_and_not_again_does_not_count() -> None:
    """A second look at further calls decides."""
    answers = iter(["odd", "even", "even", "even", "even"])

    assert compared("invoke", lambda: Outcome(output="even"), lambda: Outcome(output=next(answers))).differences == ()
