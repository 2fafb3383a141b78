"""The machine: whether it was taken away from us while a pair was measured."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MachineReading", "disturbance", "read_machine", "unreported"]

CPU_STATS = (Path("/sys/fs/cgroup/cpu.stat"), Path("/sys/fs/cgroup/cpu/cpu.stat"))
"""Of cgroup 2 and 1; inside a container it is the container's own."""

OWN_CGROUP = Path("/proc/self/cgroup")
CGROUPS = Path("/sys/fs/cgroup")
PROC_STAT = Path("/proc/stat")
STEAL_FIELD = 8
THROTTLED_SHARE = 0.02
STOLEN_SHARE = 0.05
TICK_S = 0.02
"""Steal is counted in ticks of 10 ms: one or two of them say nothing."""

SUSPENDED_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineReading:
    """What the machine says of itself at one moment; only differences mean something.

    Attributes:
        wall_s: monotonic time.
        throttled_s: for which our group of processes was kept from running by its quota; None when not reported.
        stolen_s: for which the hypervisor ran somebody else, summed over all CPUs; None when not reported.
        asleep_s: for which the machine was suspended; None when not reported.
    """

    wall_s: float
    throttled_s: float | None = None
    stolen_s: float | None = None
    asleep_s: float | None = None


def read_machine() -> MachineReading:
    """Read the counters of this machine."""
    return MachineReading(
        wall_s=time.monotonic(), throttled_s=_throttled_s(), stolen_s=_stolen_s(), asleep_s=_asleep_s()
    )


def unreported() -> tuple[str, ...]:
    """Return what this machine does not report, a sentence each: no report of a disturbance is no proof of quiet."""
    reading = read_machine()
    reported = {
        "throttling by a CPU quota": reading.throttled_s,
        "time taken by a hypervisor": reading.stolen_s,
        "suspension": reading.asleep_s,
    }
    return tuple(f"this system does not report {name}" for name, value in reported.items() if value is None)


def disturbance(before: MachineReading, after: MachineReading) -> str:
    """Say what the machine did between two readings that spoils what was measured; empty when nothing.

    It hits a slower variant more often than a quick one, so pairs set aside for it are counted: with too many
    there is no verdict.
    """
    wall_s = max(after.wall_s - before.wall_s, 1e-9)
    asleep_s = _moved(before.asleep_s, after.asleep_s)
    if asleep_s > SUSPENDED_S:
        return f"the machine was suspended for {asleep_s:.0f} s"
    throttled_s = _moved(before.throttled_s, after.throttled_s)
    if throttled_s > THROTTLED_SHARE * wall_s:
        return f"the CPU quota throttled {throttled_s / wall_s:.0%} of the time"
    stolen_s = _moved(before.stolen_s, after.stolen_s)
    if stolen_s > max(STOLEN_SHARE * wall_s, TICK_S):
        return f"the hypervisor took {stolen_s / wall_s:.0%} of the time"
    return ""


def _moved(before: float | None, after: float | None) -> float:
    return 0.0 if before is None or after is None else after - before


def _throttled_s() -> float | None:
    for file in (*_own_cpu_stat(), *CPU_STATS):
        fields = _fields(file)
        if "throttled_usec" in fields:
            return int(fields["throttled_usec"]) / 1e6
        if "throttled_time" in fields:
            return int(fields["throttled_time"]) / 1e9
    return None


def _own_cpu_stat() -> list[Path]:
    try:
        lines = OWN_CGROUP.read_text().splitlines()
    except OSError:
        return []
    return [CGROUPS / line[3:].strip("/") / "cpu.stat" for line in lines if line.startswith("0::")]


def _fields(file: Path) -> dict[str, str]:
    try:
        return dict(line.split(maxsplit=1) for line in file.read_text().splitlines() if " " in line)
    except OSError:
        return {}


def _stolen_s() -> float | None:
    try:
        with PROC_STAT.open() as file:
            ticks = int(file.readline().split()[STEAL_FIELD])
    except (OSError, ValueError, IndexError):
        return None
    return ticks / float(os.sysconf("SC_CLK_TCK"))


def _asleep_s() -> float | None:
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return None
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
