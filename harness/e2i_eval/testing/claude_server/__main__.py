"""Start the server: ``python -m e2i_eval.testing.claude_server``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

from e2i_eval.testing.claude_server.plan import FAULTS, Fault, ServerPlan
from e2i_eval.testing.claude_server.server import ClaudeHttpServer

__all__ = ["main"]

PARENT_POLL_S = 0.2
LINES = {
    "seed": "decides which requests go wrong",
    "fault_rate": "share of the requests that go wrong, 0 to 1",
    "latency_s": "seconds an answer takes",
    "slow_s": "seconds a slow answer takes",
    "retry_after_s": "what a 429 says to wait",
    "limit_requests": "requests allowed in each window; 0 limits nothing",
    "limit_window_s": "seconds of a window",
    "limit_concurrent": "requests that may be under way at once; 0 limits nothing",
    "batch_s": "seconds a message batch is in progress",
}


def main(argv: list[str] | None = None) -> int:
    """Serve until the parent is gone or Ctrl-C is pressed; return the exit code."""
    chosen = _parser().parse_args(argv)
    server = ClaudeHttpServer(_plan(chosen), chosen.port)
    print(server.url, flush=True)  # noqa: T201  what a starter reads
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    parent = os.getppid()
    try:
        while os.getppid() == parent:  # an orphan is given another parent
            time.sleep(PARENT_POLL_S)
    except KeyboardInterrupt:
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m e2i_eval.testing.claude_server",
        description="A server that speaks Claude's protocol on the loopback interface; it ends with its parent.",
    )
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes a free one")
    for each in fields(ServerPlan):
        if each.name in LINES:
            parser.add_argument(
                "--" + each.name.replace("_", "-"),
                type=type(each.default),
                default=each.default,
                help=f"{LINES[each.name]} (default {each.default})",
            )
    parser.add_argument("--fault", action="append", choices=FAULTS, help="what may go wrong; default all of them")
    parser.add_argument("--answers", type=Path, help="JSON file with a list of prepared answers")
    parser.add_argument("--keep-alive", action="store_true", help="let a connection serve several requests")
    return parser


def _plan(chosen: argparse.Namespace) -> ServerPlan:
    values: dict[str, Any] = {name: getattr(chosen, name) for name in LINES}
    answers = json.loads(chosen.answers.read_text(encoding="utf-8")) if chosen.answers else ()
    faults = cast("tuple[Fault, ...]", tuple(chosen.fault or FAULTS))
    return ServerPlan(**values, faults=faults, answers=tuple(answers), keep_alive=chosen.keep_alive)


if __name__ == "__main__":
    sys.exit(main())
