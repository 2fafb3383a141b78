"""What the installed plugin costs a project that does not use it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PAIRS = 5
GUARD_MS = 100.0
"""Ten times what is aimed at: a guard against an import that slipped in, not a measurement."""


def seconds(folder: Path, *args: str) -> float:
    """Return the CPU and wall time of one plain run in ``folder``, as wall seconds."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args]
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def test_idle_cost(tmp_path: Path) -> None:
    """Interleaved pairs of runs with and without the plugin; the median difference is printed."""
    (tmp_path / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
    seconds(tmp_path)  # compiles

    pairs = [(seconds(tmp_path), seconds(tmp_path, "-p", "no:e2i_eval")) for _ in range(PAIRS)]

    difference_ms = statistics.median(with_us - without for with_us, without in pairs) * 1_000
    ratio = statistics.median(with_us / without for with_us, without in pairs)
    print(f"\nidle plugin: {difference_ms:+.1f} ms a session, ratio {ratio:.3f} (median of {PAIRS} pairs)")
    assert difference_ms < GUARD_MS
