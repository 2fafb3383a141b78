"""The report, and the comparison of several, as one self-contained page each."""

from __future__ import annotations

from e2i_eval.report.html.comparison_page import comparison_html
from e2i_eval.report.html.page import html_report

__all__ = ["comparison_html", "html_report"]
