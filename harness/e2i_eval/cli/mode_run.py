"""One run of the suite in one mode, as a pytest process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from e2i_eval.cli.run_report import REPORT_FILE, read_report
from e2i_eval.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from e2i_eval.runner.report import Report

__all__ = ["MODES", "PAID", "run_mode"]

MODES = ("mock", "replay", "record", "live")
PAID = frozenset({"record", "live"})
"""Modes that may spend money."""

FINISHED = frozenset({0, 1, 6})
"""pytest's exit codes of a session that ran to its end, whatever its verdict."""

SHOWN_LINES = 15


def run_mode(mode: str, folder: Path, *, max_cost: str | None, args: Sequence[str]) -> Report:
    """Run ``pytest --e2i-eval`` in one mode and return its report.

    No baseline is compared with: it holds for one mode, and agreement is about two.

    Args:
        mode: who answers for Claude.
        folder: for the report.
        max_cost: what may be spent, as typed; None in modes that spend nothing.
        args: further arguments for pytest; they come last, so they win.

    Raises:
        UsageError: the session did not run to its end.
    """
    command = [
        *(sys.executable, "-m", "pytest", "--e2i-eval", f"--e2i-claude={mode}", f"--e2i-report={folder}"),
        *("--e2i-store=temp", "--e2i-baseline=none"),
        *((f"--e2i-max-cost={max_cost}",) if max_cost is not None and mode in PAID else ()),
        *args,
    ]
    ended = subprocess.run(  # noqa: S603  this Python, with what the person typed
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if ended.returncode not in FINISHED:
        last = "\n".join(ended.stdout.splitlines()[-SHOWN_LINES:])
        what = f"pytest with --e2i-claude={mode} did not run to its end (exit code {ended.returncode}):\n{last}"
        raise UsageError(what, fix=f"see what it says: pytest {' '.join(command[3:])}")
    return read_report(folder / REPORT_FILE)
