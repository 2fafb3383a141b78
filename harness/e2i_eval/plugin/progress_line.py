"""A line of progress while a test runs: how many are done, how many failed, how long it still takes.

It stands at the right of the line on which pytest names the test, and is gone before pytest writes there again,
so pytest's own output is the same with and without it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from e2i_eval.report.progress import progress_line

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ProgressLine"]

SAVE, RESTORE, ERASE, DIM, PLAIN = "\x1b7", "\x1b8", "\x1b[K", "\x1b[2m", "\x1b[22m"
ROOM = 10
"""Columns that stay free for pytest's word on the test and its percentage."""


class ProgressLine:
    """Draws when a test begins, and erases when it ends; does nothing where nobody is watching."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._reporter: pytest.TerminalReporter | None = None
        self._begun_s = 0.0
        self._total = 0
        self._ended: set[str] = set()
        self._failed: set[str] = set()
        self._is_drawn = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take in how many there are, and where to draw: earlier pytest has no terminal yet."""
        self._reporter = _watched(session.config, self._environ)
        self._total = len(session.items)
        self._begun_s = time.monotonic()

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logstart(self) -> None:
        """Draw at the right of the line that pytest has just begun, when there is room."""
        if self._reporter is None:
            return
        elapsed_s = time.monotonic() - self._begun_s
        text = progress_line(len(self._ended), self._total, failed=len(self._failed), elapsed_s=elapsed_s)
        writer = self._reporter._tw  # noqa: SLF001  the only way to the cursor's column
        column = writer.fullwidth - len(text)
        if writer.width_of_current_line + ROOM < column:
            self._is_drawn = True
            self._write(f"{SAVE}\x1b[{column}G{DIM}{text}{PLAIN}{RESTORE}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Make room for pytest's own word, and count."""
        if self._is_drawn:
            self._is_drawn = False
            self._write(ERASE)
        if report.failed:
            self._failed.add(report.nodeid)
        if report.when == "teardown":
            self._ended.add(report.nodeid)

    def pytest_keyboard_interrupt(self) -> None:
        """Leave nothing behind."""
        if self._is_drawn:
            self._write(ERASE)

    def _write(self, text: str) -> None:
        assert self._reporter is not None  # noqa: S101  nothing is drawn without
        file = self._reporter._tw._file  # noqa: SLF001  past the writer, which would count the text's width
        file.write(text)
        file.flush()


def _watched(config: pytest.Config, environ: Mapping[str, str]) -> pytest.TerminalReporter | None:
    """Return the terminal a person is watching: one that can move its cursor, not with -q, -s or -n, not in CI."""
    reporter: pytest.TerminalReporter | None = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None or not reporter.isatty() or not reporter.hasmarkup:
        return None
    is_alone = not config.getoption("numprocesses", default=None) and config.getoption("dist", default="no") == "no"
    is_plain = config.getoption("verbose") >= 0 and config.getoption("capture") != "no"
    is_person = environ.get("TERM") not in {None, "", "dumb"} and not environ.get("CI")
    return reporter if is_alone and is_plain and is_person else None
