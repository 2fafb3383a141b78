"""How often the gate is wrong about an unchanged repository: whole gate runs on a loaded machine.

Run by hand, figures are in docs/design/gate.md:

    python tests/performance/gate_error_rates.py --runs 100 --busy 2

Each run is ``pytest --e2i-eval`` of one target with its baseline, its overhead and a duet against the same revision,
in a clone, so that nothing of the working tree is touched. Any exit code but 0 is a false alarm (1) or undecided (6).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
BUSY = "while True: sum(i * i for i in range(10000))"
SHOWN_LINES = 15


def main() -> int:
    """Make the runs, print each, and return 1 when more than one of a hundred failed."""
    chosen = _arguments()
    codes: Counter[int] = Counter()
    with tempfile.TemporaryDirectory(prefix="gate-rates-") as name, _busy(chosen.busy):
        clone = Path(name) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        for number in range(1, chosen.runs + 1):
            start_s = time.monotonic()
            done = _run(clone, Path(name), chosen.target)
            codes[done.returncode] += 1
            took_s = time.monotonic() - start_s
            print(f"{number:4} exit {done.returncode}  {took_s:5.1f} s  load {os.getloadavg()[0]:.1f}", flush=True)
            if done.returncode:
                print("\n".join(done.stdout.splitlines()[-SHOWN_LINES:]), flush=True)
    print(f"{chosen.target}: exit codes {dict(codes)} of {chosen.runs} runs")
    return int(codes[1] * 100 > chosen.runs)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="gap_analyzer")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--busy", type=int, default=2, help="processes that compute beside it")
    return parser.parse_args()


def _run(clone: Path, folder: Path, target: str) -> subprocess.CompletedProcess[str]:
    measured = ["--e2i-duet=HEAD", f"--e2i-overhead={target}", "--e2i-overhead-budget=5"]
    rules = ["--e2i-gate=overhead_ms:<50", "--e2i-gate=latency:duet"]
    kept = [f"--e2i-target={target}", "--e2i-store=temp", f"--e2i-report={folder / 'report'}"]
    environ = {**os.environ, "PYTHONPATH": str(clone / "fixtures"), "E2I_SPOOL_DIR": str(folder / "spool")}
    command = [sys.executable, "-m", "pytest", "--e2i-eval", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *kept, *measured, *rules], cwd=clone, env=environ, capture_output=True, text=True, check=False
    )


@contextlib.contextmanager
def _busy(count: int) -> Iterator[None]:
    neighbours = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for each in neighbours:
            each.kill()
            each.wait()


if __name__ == "__main__":
    sys.exit(main())
