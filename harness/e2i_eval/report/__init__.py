"""From report to text; nothing here reads or writes anything."""

from __future__ import annotations

from e2i_eval.report.failure import failure_lines
from e2i_eval.report.github import annotation_lines
from e2i_eval.report.masked import masked
from e2i_eval.report.session import markdown_report, summary_lines

__all__ = ["annotation_lines", "failure_lines", "markdown_report", "masked", "summary_lines"]
