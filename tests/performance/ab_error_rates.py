"""How often the A/B latency test is wrong: of a revision against itself, or against one made slower on purpose.

Run by hand, figures are in docs/design/ab-latency-test.md:

    python tests/performance/ab_error_rates.py --decisions 100 --busy 2              # false alarms
    python tests/performance/ab_error_rates.py --decisions 100 --busy 2 --slow sleep # power, 10 ms more in one node
    python tests/performance/ab_error_rates.py --decisions 100 --busy 2 --slow cpu

It works in a clone, so uncommitted changes are not measured and nothing of the working tree is touched. A decision is
what ``--e2i-ab`` makes of one target: pairs, verdict, and when it seems slower a second set in fresh processes.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.benchmark.ab.latency_test import LatencyTest, SessionContext
from e2i_eval.benchmark.ab.revision import find_revision
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.errors import E2iError
from e2i_eval.runner.config.options import cache_folder, one_thread_each
from e2i_eval.runner.config.settings import read_settings
from e2i_eval.tracking import TemporaryServer, TrackingClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.runner.config.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
BUSY = "while True: sum(i * i for i in range(10000))"
SLOW = {
    "sleep": "__import__('time').sleep({s})",
    "cpu": "_t = __import__('time').thread_time\n{indent}_until = _t() + {s}\n{indent}while _t() < _until: pass",
}
SERVER_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One decision.

    Attributes:
        status: ``pass``, ``fail`` or ``inconclusive``.
        reason: why, of the part that decided.
        shift_ms: of the agent's own code; None without a measurement.
        pairs: of the agent's own code.
        duration_s: how long it took.
    """

    status: str
    reason: str
    shift_ms: float | None
    pairs: int
    duration_s: float


def main() -> None:
    """Make the decisions and print what came out."""
    chosen = _arguments()
    one_thread_each(os.environ)
    decided: list[Decided] = []
    with tempfile.TemporaryDirectory(prefix="ab-rates-") as name, _busy(chosen.busy):
        clone = _clone(Path(name), chosen)
        os.environ["E2I_SPOOL_DIR"] = str(Path(name) / "spool")
        with _context(Path(name), clone) as (settings, context, close):
            revision = find_revision("HEAD~1" if chosen.slow else "HEAD", clone)
            for number in range(chosen.decisions):
                if number % chosen.restart == 0:
                    close.close()
                    latency_test = LatencyTest(revision, settings, context, family=1)
                    close.callback(latency_test.close)
                decided.append(_decide(latency_test, chosen.target, number))
                last = decided[-1]
                print(f"{number + 1:4} {last.status:12} {last.duration_s:5.1f} s  {last.reason}", flush=True)
    _summarise(chosen, decided)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="gap_analyzer")
    parser.add_argument("--decisions", type=int, default=20)
    parser.add_argument("--slow", choices=sorted(SLOW), help="make the head slower")
    parser.add_argument("--ms", type=float, default=10.0, help="by how much")
    parser.add_argument("--function", default="fixtures/e2i/agents/gap_analyzer/nodes.py:benchmark", help="where")
    parser.add_argument("--busy", type=int, default=0, help="processes that compute beside it")
    parser.add_argument("--restart", type=int, default=5, help="fresh processes after so many decisions")
    parser.add_argument("--json", type=Path, help="file for every decision")
    return parser.parse_args()


def _clone(folder: Path, chosen: argparse.Namespace) -> Path:
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    if chosen.slow:
        path, _, function = chosen.function.partition(":")
        _slow_down(clone / path, function, SLOW[chosen.slow], chosen.ms / 1000)
        author = ["-c", "user.name=ab", "-c", "user.email=ab@example.invalid"]
        subprocess.run(["git", *author, "commit", "--quiet", "-am", "Take longer"], cwd=clone, check=True)
    sys.path.insert(0, str(clone / "fixtures"))
    return clone


def _slow_down(file: Path, function: str, statement: str, seconds: float) -> None:
    """Put a statement before the first one of a function, behind its docstring."""
    lines = file.read_text().splitlines()
    defined = next(
        each
        for each in ast.walk(ast.parse("\n".join(lines)))
        if isinstance(each, ast.FunctionDef) and each.name == function
    )
    first = defined.body[1] if ast.get_docstring(defined) else defined.body[0]
    indent = " " * first.col_offset
    lines.insert(first.lineno - 1, indent + statement.format(s=seconds, indent=indent))
    file.write_text("\n".join(lines) + "\n")


@contextlib.contextmanager
def _context(folder: Path, clone: Path) -> Iterator[tuple[Settings, SessionContext, contextlib.ExitStack]]:
    scratch = folder / "scratch"
    scratch.mkdir()
    cache = cache_folder(os.environ)
    settings = read_settings(clone, {}, cache=cache, invocation=clone)
    server = TemporaryServer.start(store=folder / "store", cache=cache, environ=os.environ)
    session_id = uuid.uuid4().hex
    try:
        server.wait_ready(SERVER_TIMEOUT_S)
        tracking = TrackingClient(server.uri, environ=os.environ, scratch=scratch)
        session = tracking.open_session(session_id=session_id, name="A/B error rates", tags={}, params={})
        context = SessionContext(
            uri=server.uri,
            scratch=scratch,
            hosts=("127.0.0.1",),
            environ=os.environ,
            tracking=tracking,
            open_run=lambda case: tracking.open_case(
                target_run_id=tracking.open_target(
                    session_run_id=session, session_id=session_id, target=case.target, tags={}
                ),
                session_id=session_id,
                case=case,
                nodeid="ab",
            ),
            clock=SystemClock(),
        )
        with contextlib.ExitStack() as close:
            yield settings, context, close
        tracking.close()
    finally:
        server.stop()


@contextlib.contextmanager
def _busy(count: int) -> Iterator[None]:
    neighbours = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for each in neighbours:
            each.kill()
            each.wait()


def _decide(latency_test: LatencyTest, target: str, number: int) -> Decided:
    start_s = time.monotonic()
    try:
        shifts = latency_test.measure(target, seed=str(number)).shifts
    except E2iError as error:
        return Decided(
            status="inconclusive", reason=str(error), shift_ms=None, pairs=0, duration_s=time.monotonic() - start_s
        )
    worst = max(shifts, key=lambda each: ("pass", "inconclusive", "fail").index(each.status))
    return Decided(
        status=worst.status,
        reason=f"{worst.part}: {worst.reason}",
        shift_ms=shifts[0].shift_ms.value,
        pairs=shifts[0].pairs,
        duration_s=time.monotonic() - start_s,
    )


def _summarise(chosen: argparse.Namespace, decided: list[Decided]) -> None:
    counts = Counter(each.status for each in decided)
    took_s = sum(each.duration_s for each in decided)
    load = f"{os.getloadavg()[0]:.1f}"
    slower = f"+{chosen.ms:g} ms {chosen.slow}" if chosen.slow else "A/A"
    print(
        f"{slower}, {chosen.target}, load {load}: {dict(counts)} of {len(decided)}, {took_s / len(decided):.1f} s each"
    )
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(each) for each in decided], indent=1))


if __name__ == "__main__":
    main()
