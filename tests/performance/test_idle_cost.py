"""What the installed plugin costs a project that does not use it."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PAIRS = 10
GUARD_MS = 100.0
"""Ten times what is aimed at: a guard against an import that slipped in, not a measurement."""

OTHERS = ("benchmark", "langsmith_plugin", "respx", "hypothesispytest", "anyio", "xdist", "xdist.looponfail")
"""The other plugins of this environment, whose imports would drown ours."""


def cpu_ms(folder: Path, *args: str) -> float:
    """Return the CPU time of one plain run in ``folder``, in milliseconds; wall time would measure the machine."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    left_out = [argument for name in ("cacheprovider", *OTHERS) for argument in ("-p", f"no:{name}")]
    command = [sys.executable, "-m", "pytest", "-q", *left_out, *args]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1_000


def test_idle_cost(tmp_path: Path) -> None:
    """Interleaved pairs of runs with and without the plugin; the median difference is printed."""
    (tmp_path / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
    cpu_ms(tmp_path)  # compiles

    pairs = [(cpu_ms(tmp_path), cpu_ms(tmp_path, "-p", "no:e2i_eval")) for _ in range(PAIRS)]

    difference_ms = statistics.median(with_us - without for with_us, without in pairs)
    ratio = statistics.median(with_us / without for with_us, without in pairs)
    print(f"\nidle plugin: {difference_ms:+.1f} ms of CPU a session, ratio {ratio:.3f} (median of {PAIRS} pairs)")
    assert difference_ms < GUARD_MS
