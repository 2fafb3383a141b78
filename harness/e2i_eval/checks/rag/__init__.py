"""Measures of retrieval-augmented answers that need no judge: the same evidence gives the same numbers."""

from __future__ import annotations

from e2i_eval.checks.rag.check import rag_check
from e2i_eval.checks.rag.measured import rag_measurements

__all__ = ["rag_check", "rag_measurements"]
