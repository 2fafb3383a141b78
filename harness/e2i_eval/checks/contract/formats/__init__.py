"""How libraries write a model call into a span, and how it is read."""

from __future__ import annotations

from e2i_eval.checks.contract.formats.gaps import GAPS
from e2i_eval.checks.contract.formats.span_call import read_call

__all__ = ["GAPS", "read_call"]
