"""What a call took: without the machine's part, Claude's part and the observers' part."""

from __future__ import annotations

import sys
import time
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from e2i_eval.benchmark.ab import callback_time, machine
from e2i_eval.benchmark.ab.callback_time import CallbackTime
from e2i_eval.benchmark.ab.machine import MachineReading, disturbance
from e2i_eval.benchmark.ab.worker import waited_for_claude_s
from e2i_eval.benchmark.timing.lap import Moment, own_s
from e2i_eval.benchmark.timing.stopwatch import RunDelayStopwatch, WorkStopwatch, lasting_stopwatch
from e2i_eval.core.exchange import Caller, Exchange

if TYPE_CHECKING:
    from pathlib import Path

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone reports run-queue delay")


def moment(wall_s: float, ran_s: float, delayed_s: float, worked_s: float | None = None) -> Moment:
    """Return a moment; nobody else works unless it is said how much all do."""
    return Moment(wall_s=wall_s, ran_s=ran_s, delayed_s=delayed_s, worked_s=ran_s if worked_s is None else worked_s)


@pytest.mark.parametrize(
    ("after", "adjusted"),
    [
        (moment(0.1, 0.1, 0.0), 0.1),
        (moment(0.1, 0.06, 0.04), 0.06),
        (moment(0.1, 0.02, 0.0), 0.1),
        (moment(0.1, 0.02, 0.0, 0.025), 0.1),
        (moment(0.1, 0.02, 0.0, 0.09), 0.02),
        (moment(0.1, 0.02, 0.03, 0.06), 0.02),
    ],
    ids=["computes", "no core", "waits", "waits, a sender beside it", "others compute", "others compute, no core"],
)
def test_a_thread_alone_feels_what_it_waits_and_among_others_what_it_computes(after: Moment, adjusted: float) -> None:
    """The interpreter's lock is held by the others, and that is their time."""
    assert own_s(moment(0, 0, 0), after) == pytest.approx(adjusted)


@linux
def test_a_sleep_is_felt() -> None:
    """On this machine, whatever else it does."""
    stopwatch = RunDelayStopwatch()
    with stopwatch.watching(), stopwatch.measured() as took_s:
        time.sleep(0.02)

    assert took_s() >= 0.02


def test_elsewhere_declared_sleeps_are_added_to_cpu_time() -> None:
    """CPU time alone cannot see a sleep."""
    stopwatch = WorkStopwatch()
    with stopwatch.watching(), stopwatch.measured() as took_s:
        time.sleep(0.02)

    assert took_s() >= 0.02
    assert "other waits are not seen" in stopwatch.says


@linux
def test_linux_has_run_queue_delay() -> None:
    """The better one is taken where it is there."""
    assert isinstance(lasting_stopwatch(), RunDelayStopwatch)


def test_callbacks_are_measured_apart_from_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is called as a callback adds up; it is watched once."""
    manager = ModuleType("fake_manager")
    now_s = [0.0]

    def handle_event(seconds: float) -> str:
        now_s[0] += seconds
        return "heard"

    def now() -> Moment:
        return moment(now_s[0], 0.0, 0.0)

    manager.handle_event = handle_event  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fake_manager", manager)
    monkeypatch.setattr(callback_time, "MODULES", ("fake_manager",))
    spent = CallbackTime(now)
    spent.watch()
    spent.watch()

    assert manager.handle_event(0.25) == "heard"
    now_s[0] += 5.0
    manager.handle_event(0.5)

    assert spent.take() == pytest.approx(0.75)
    assert spent.take() == 0.0


def exchange(start_s: float, duration_s: float) -> Exchange:
    """Return an exchange of which only the time matters."""
    return Exchange(
        index=0,
        call=0,
        attempt=0,
        caller=Caller(),
        request={},
        response=None,
        status=200,
        started_at_s=start_s,
        duration_s=duration_s,
    )


def test_branches_that_ask_at_the_same_time_wait_once() -> None:
    """The union, not the sum."""
    assert waited_for_claude_s([exchange(0, 2), exchange(1, 2), exchange(5, 1)]) == pytest.approx(4.0)
    assert waited_for_claude_s([]) == 0.0


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({}, ""),
        ({"throttled_s": 0.01}, ""),
        ({"throttled_s": 0.3}, "the CPU quota throttled 30% of the time"),
        ({"stolen_s": 0.04}, ""),
        ({"stolen_s": 0.2}, "the hypervisor took 20% of the time"),
        ({"asleep_s": 60.0}, "the machine was suspended for 60 s"),
    ],
)
def test_a_machine_that_was_taken_away_says_so(after: dict[str, float], said: str) -> None:
    """Beyond a bound the pair is worthless."""
    before = MachineReading(wall_s=0.0, throttled_s=0.0, stolen_s=0.0, asleep_s=0.0)
    later = {"throttled_s": 0.0, "stolen_s": 0.0, "asleep_s": 0.0, **after}

    assert disturbance(before, MachineReading(wall_s=1.0, **later)) == said


def test_what_a_machine_does_not_report_is_no_disturbance() -> None:
    """Without counters nothing can have moved."""
    assert disturbance(MachineReading(wall_s=0.0), MachineReading(wall_s=1.0, throttled_s=9.0)) == ""


@pytest.mark.parametrize(
    ("text", "throttled_s"),
    [("nr_throttled 4\nthrottled_usec 2500000\n", 2.5), ("throttled_time 1500000000\n", 1.5), ("usage_usec 9\n", None)],
)
def test_both_kinds_of_cgroup_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, throttled_s: float | None
) -> None:
    """Microseconds in the second, nanoseconds in the first."""
    file = tmp_path / "cpu.stat"
    file.write_text(text)
    monkeypatch.setattr(machine, "CPU_STATS", (file,))
    monkeypatch.setattr(machine, "OWN_CGROUP", tmp_path / "none")

    assert machine.read_machine().throttled_s == throttled_s
    assert ("this system does not report throttling by a CPU quota" in machine.unreported()) == (throttled_s is None)
