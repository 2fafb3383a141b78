"""GitHub Actions: the report on the job's page, and annotations beside the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.report import annotation_lines, markdown_report, masked
from e2i_eval.runner.config.options import environment, secrets

if TYPE_CHECKING:
    from e2i_eval.plugin.state import SessionState
    from e2i_eval.runner.config.options import GitHub

__all__ = ["GithubOutput"]

SUMMARY_CHARS = 250_000
"""GitHub takes 1 MiB a step, other tools' share included; a character may take four bytes."""


class GithubOutput:
    """Shows the finished report where GitHub shows it."""

    def __init__(self, state: SessionState, place: GitHub) -> None:
        self._state = state
        self._place = place

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Append the step summary and print the annotations; what cannot be written is said, the results stand."""
        report = self._state.report
        if report is None:
            return
        shown = masked(report, secrets(environment()))
        if self._place.summary is not None:
            try:
                with self._place.summary.open("a", encoding="utf-8") as file:
                    file.write(markdown_report(shown, limit=SUMMARY_CHARS) + "\n")
            except OSError as error:
                terminalreporter.write_line(f"! the step summary could not be written: {error}")
        if self._place.is_annotated:
            terminalreporter.ensure_newline()
            for line in annotation_lines(shown, folder=self._place.folder_of(self._state.settings.root)):
                terminalreporter.write_line(line)
