"""How often the gate is wrong about an unchanged repository: whole gate runs on a loaded machine.

Run by hand, figures are in docs/design/gate.md:

    python tests/performance/gate_error_rates.py --runs 100 --at-once 2

Each run is ``pytest --e2i-eval`` of one target, each in turn, with its baseline, its families and an A/B latency test
against the same revision, every fourth with its overhead as well, in a clone, so that nothing of the working tree is
touched. Runs at once are each other's load, as two jobs of one shared runner are; ``--busy`` adds processes that only
compute. Any exit code but 0 is a false alarm (1) or undecided (6).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
BUSY = "while True: sum(i * i for i in range(10000))"
SHOWN_LINES = 60
OVERHEAD_EVERY = 4


def main() -> int:
    """Make the runs, print each, and return 1 when more than one of a hundred failed."""
    chosen = _arguments()
    codes: Counter[int] = Counter()
    with tempfile.TemporaryDirectory(prefix="gate-rates-") as name, _busy(chosen.busy):
        clones = [Path(name) / f"clone-{number}" for number in range(chosen.at_once)]
        for clone in clones:
            subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        free = SimpleQueue[Path]()
        for clone in clones:
            free.put(clone)
        with ThreadPoolExecutor(chosen.at_once) as pool:
            targets = islice(cycle(_targets(chosen)), chosen.runs)
            options = (_options(number, target) for number, target in enumerate(targets))
            runs = [pool.submit(_run, free, target, each) for target, each in options]
            for number, run in enumerate(as_completed(runs), start=1):
                codes[_told(number, run.result())] += 1
    print(f"exit codes {dict(codes)} of {chosen.runs} runs")
    return int(codes[1] * 100 > chosen.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRun:
    """One run: of which target, how it ended, what it printed, and how long it took in seconds."""

    target: str
    exit_code: int
    printed: str
    took_s: float


def _told(number: int, run: GateRun) -> int:
    load = os.getloadavg()[0]
    print(f"{number:4} exit {run.exit_code}  {run.took_s:5.1f} s  load {load:4.1f}  {run.target}", flush=True)
    if run.exit_code:
        print("\n".join(run.printed.splitlines()[-SHOWN_LINES:]), flush=True)
    return run.exit_code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", action="append", default=[], help="all, unless some are named")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=2, help="runs at the same time, each in a clone of its own")
    parser.add_argument("--busy", type=int, default=0, help="processes that compute beside them")
    return parser.parse_args()


def _targets(chosen: argparse.Namespace) -> list[str]:
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["e2i_eval"]["targets"]
    return chosen.target or list(configured)


def _options(number: int, target: str) -> tuple[str, list[str]]:
    """Return the target and what its run measures; a round of all targets later it is another fourth of them."""
    options = ["--e2i-ab=HEAD", "--e2i-gate=latency:ab"]
    if (number + number // 12) % OVERHEAD_EVERY == 0:
        options += [f"--e2i-overhead={target}", "--e2i-overhead-budget=5", "--e2i-gate=overhead_ms:<50"]
    return target, options


def _run(free: SimpleQueue[Path], target: str, options: list[str]) -> GateRun:
    clone = free.get()
    folder = clone.with_name(f"{clone.name}-kept")
    kept = [f"--e2i-target={target}", "--e2i-store=temp", f"--e2i-report={folder / 'report'}"]
    sources = os.pathsep.join([str(clone / "harness"), str(clone / "fixtures")])
    environ = {**os.environ, "PYTHONPATH": sources, "E2I_SPOOL_DIR": str(folder / "spool")}
    command = [sys.executable, "-m", "pytest", "--e2i-eval", "-q", "-p", "no:cacheprovider", *kept, *options]
    start_s = time.monotonic()
    done = subprocess.run(command, cwd=clone, env=environ, capture_output=True, text=True, check=False)
    took_s = time.monotonic() - start_s
    free.put(clone)
    return GateRun(target=target, exit_code=done.returncode, printed=done.stdout + done.stderr, took_s=took_s)


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
