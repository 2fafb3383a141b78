"""From report to text; nothing here reads or writes anything."""

from __future__ import annotations

from e2i_eval.report.console import failure_lines, summary_lines
from e2i_eval.report.github import annotation_lines
from e2i_eval.report.markdown import markdown_report
from e2i_eval.report.masked import masked

__all__ = ["annotation_lines", "failure_lines", "markdown_report", "masked", "summary_lines"]
