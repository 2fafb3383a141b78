"""From report to text; nothing here reads or writes anything."""

from __future__ import annotations

from e2i_eval.render.console import failure_lines, summary_lines

__all__ = ["failure_lines", "summary_lines"]
