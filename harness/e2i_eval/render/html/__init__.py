"""The report as one self-contained page."""

from __future__ import annotations

from e2i_eval.render.html.page import html_report

__all__ = ["html_report"]
