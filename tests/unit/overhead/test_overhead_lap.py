"""What a caller waits who is alone: without the machine's part, whatever threads work for it."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from e2i_eval.benchmark.timing.lap import Lap, Moment, adjusted_s
from e2i_eval.benchmark.timing.sleeps import Sleeps
from e2i_eval.benchmark.timing.stopwatch import RunDelayStopwatch, system_stopwatch

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone reports run-queue delay")


def lap(wall_s: float, worked_s: float, delayed_s: float, others_s: dict[int, float] | None = None) -> Lap:
    """Return a moment and the delays of the other threads."""
    return Lap(
        moment=Moment(wall_s=wall_s, ran_s=0.0, delayed_s=delayed_s, worked_s=worked_s),
        others_s=others_s or {},
        ended=0,
    )


START = lap(0, 0, 0)


def test_waiting_for_a_core_is_taken_off() -> None:
    """100 ms passed, for 40 of which there was no core."""
    assert adjusted_s(START, lap(0.1, 0.06, 0.04), {}) == pytest.approx(0.06)


def test_sleeping_stays_in() -> None:
    """A thread that sleeps is not waiting for a core."""
    assert adjusted_s(START, lap(0.1, 0.01, 0.0), {}) == pytest.approx(0.1)


def test_what_delays_the_threads_one_waits_for_is_taken_off() -> None:
    """The caller waited 80 ms for two nodes in threads, one living on, one ended, that were kept waiting 20 ms each."""
    before, after = lap(0, 0, 0, {7: 1.0}), lap(0.1, 0.06, 0.0, {7: 1.02})

    assert adjusted_s(before, after, {8: 0.02}) == pytest.approx(0.06)


def test_threads_that_are_kept_waiting_at_the_same_time_take_off_no_work() -> None:
    """Two branches of 40 ms share an interpreter for 110 ms; each was kept waiting 50, which is not 100 of 110."""
    assert adjusted_s(START, lap(0.11, 0.08, 0.0), {7: 0.05, 8: 0.05}) == pytest.approx(0.08)


def test_a_sleep_of_one_of_them_is_no_delay() -> None:
    """The same two, one of which slept for 10 ms, while the other had to wait."""
    assert adjusted_s(START, lap(0.12, 0.08, 0.0), {7: 0.05, 8: 0.05}, slept_s=0.01) == pytest.approx(0.09)


def test_threads_in_the_background_do_not_count_while_one_works() -> None:
    """The caller computed all the time, so nobody else's delay was its own."""
    before, after = lap(0, 0, 0, {7: 0.0}), lap(0.1, 0.1, 0.0, {7: 5.0})

    assert adjusted_s(before, after, {}) == pytest.approx(0.1)


def in_threads(count: int, seconds: float) -> None:
    """Let threads sleep at the same time."""
    threads = [threading.Thread(target=_sleep, args=(seconds,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _sleep(seconds: float) -> None:
    time.sleep(seconds)  # looked up now, when it may be watched


@linux
def test_threads_that_end_report_their_delay() -> None:
    """Their counters are gone with them; afterwards threads are as they were."""
    run, timer = threading.Thread.run, RunDelayStopwatch()
    with timer.watching():
        in_threads(3, 0.0)
    in_threads(1, 0.0)

    assert len(timer._ended) == 3  # noqa: SLF001  the sum alone would not show it
    assert threading.Thread.run is run


def test_sleeps_at_the_same_time_count_once() -> None:
    """Of those after the given moment; afterwards sleeping is as it was."""
    sleep, sleeps = time.sleep, Sleeps()
    with sleeps.watching():
        time.sleep(0.05)
        start_s = time.perf_counter()
        in_threads(3, 0.02)
        took_s = time.perf_counter() - start_s

    assert 0.02 <= sleeps.slept_s(since_s=start_s) <= took_s
    assert sleeps.slept_s(since_s=start_s) == 0.0
    assert time.sleep is sleep


def test_a_caller_alone_feels_a_sleep_in_a_thread_it_waits_for() -> None:
    """On whatever system, and whatever else the machine does."""
    with system_stopwatch().alone() as adjusted:
        in_threads(2, 0.02)

    assert adjusted() >= 0.02
