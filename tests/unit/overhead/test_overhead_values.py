"""The small parts: which case, what pytest-benchmark is given, which metrics, what the screen shows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from e2i_eval.benchmark.overhead import Neighbours, ReplayTimer, chosen_cases
from e2i_eval.benchmark.timing.stopwatch import system_stopwatch
from e2i_eval.core.case import Case, ErrorRule, Expectation
from e2i_eval.core.errors import UnknownError
from e2i_eval.core.estimate import Estimate
from e2i_eval.core.json_codec import from_json, to_json
from e2i_eval.core.overhead_result import OverheadResult, highest
from e2i_eval.report.overhead import difference_lines, overhead
from e2i_eval.report.terminal import terminal_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RESULT = OverheadResult(
    target="shop",
    case_id="shop/refund",
    callers="one",
    pairs=2,
    plain_ms=10.0,
    overhead_ms=Estimate(value=1.0, low=0.5, high=1.5, confidence=0.95, method="Hodges-Lehmann"),
    drain_ms=4.0,
    conditions=("quiet",),
    pair_ms=((10.0, 11.0), (12.0, 13.5)),
)


def case(name: str, *tags: str, error: bool = False) -> Case:
    """Return a case."""
    rule = ErrorRule(type="ValueError") if error else None
    return Case(id=f"shop/{name}", target="shop", inputs={}, tags=tags, expect=Expectation(error=rule))


def test_tagged_cases_come_first_then_what_passed_then_what_expects_no_error() -> None:
    """In the order of the files."""
    cases = [case("a", error=True), case("b"), case("c"), case("d", "overhead"), case("e", "overhead")]

    assert [each.id for each in chosen_cases("shop", cases, {"shop/c"})] == ["shop/d", "shop/e"]
    assert [each.id for each in chosen_cases("shop", cases[:3], {"shop/a", "shop/c"})] == ["shop/c"]
    assert [each.id for each in chosen_cases("shop", cases[:3], ())] == ["shop/b"]
    with pytest.raises(UnknownError, match="no golden case that ends without an error"):
        chosen_cases("shop", cases[:1], ())


def test_results_survive_json() -> None:
    """They cross from worker to controller."""
    assert from_json(OverheadResult, to_json(RESULT)) == RESULT


def test_several_callers_have_metrics_of_their_own_and_the_highest_case_counts() -> None:
    """One metric a way of calling."""
    many = from_json(OverheadResult, {**to_json(RESULT), "callers": "8 threads", "drain_ms": 9.0})
    slower = from_json(OverheadResult, {**to_json(RESULT), "case_id": "shop/other", "drain_ms": 7.0})

    found = highest([RESULT, many, slower], "shop")

    assert found == {
        "overhead_ms": 1.0,
        "overhead_high_ms": 1.5,
        "drain_ms": 7.0,
        "overhead_8_threads_ms": 1.0,
        "overhead_8_threads_high_ms": 1.5,
        "drain_8_threads_ms": 9.0,
    }
    assert highest([RESULT], "rag") == {}


class Benchmark:
    """What is used of pytest-benchmark."""

    def __init__(self, timer: ReplayTimer) -> None:
        self.extra_info: dict[str, object] = {}
        self.rounds_s: list[float] = []
        self._timer = timer

    def pedantic(self, target: Callable[[], None], *, rounds: int, iterations: int) -> None:
        """Time it as pytest-benchmark does."""
        for _ in range(rounds * iterations):
            start_s = self._timer()
            target()
            self.rounds_s.append(self._timer() - start_s)


def test_the_replayed_times_are_those_measured() -> None:
    """A round a pair, in seconds."""
    timer = ReplayTimer()
    plain, logged = Benchmark(timer), Benchmark(timer)
    timer.record(plain, RESULT, "plain")
    timer.record(logged, RESULT, "logged")

    assert plain.rounds_s == pytest.approx([0.010, 0.012])
    assert logged.rounds_s == pytest.approx([0.011, 0.0135])
    assert logged.extra_info["overhead_high_ms"] == 1.5


def test_the_table_shows_the_interval_and_what_is_wrong() -> None:
    """One line a measurement, one a difference."""
    wrong = from_json(OverheadResult, {**to_json(RESULT), "differences": ["root['output']: changed"]})

    assert overhead([]) == []
    assert "+1.0 ms" in terminal_lines(overhead([RESULT]))[-1]
    assert terminal_lines(overhead([RESULT]))[-1].endswith("✓ same")
    assert terminal_lines(overhead([wrong]))[-1] == "  ✗ shop, one: root['output']: changed"
    assert difference_lines(RESULT) == []
    assert difference_lines(wrong)[0] == "✗ shop/refund, one: logging changes what a caller gets or the server stores"


def test_workers_see_what_the_others_run(tmp_path: Path) -> None:
    """Not themselves, and nobody who waits for a turn to measure."""
    one, two = Neighbours(tmp_path, "gw0"), Neighbours(tmp_path, "gw1")
    with one.busy("golden/a"):
        assert two.running() == {"golden/a"}
    with one.busy("overhead::shop"), one.alone():
        assert two.running() == frozenset()
    assert Neighbours(tmp_path, "").running() == frozenset()


def test_the_stopwatch_runs_forward_and_says_what_it_measures() -> None:
    """Whichever this system has."""
    stopwatch = system_stopwatch()
    start_s = stopwatch.read_s()
    sum(range(100_000))

    assert stopwatch.read_s() > start_s
    assert "wall time" in stopwatch.says


def test_no_thread_among_many_feels_less_than_nothing() -> None:
    """A delay between the reading of the wall and that of the delay would make time run backward."""
    stopwatch = system_stopwatch()

    def adjusted_s() -> float:
        start_s = stopwatch.read_s()
        sum(range(20_000))
        return stopwatch.read_s() - start_s

    with ThreadPoolExecutor(8) as pool:
        waited = list(pool.map(lambda _: adjusted_s(), range(800)))

    assert min(waited) > 0
