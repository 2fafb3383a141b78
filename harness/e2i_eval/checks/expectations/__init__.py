"""Expectations: the checks that judge evidence by what a case file expects."""

from __future__ import annotations

from e2i_eval.checks.expectations.golden_checks import golden_checks

__all__ = ["golden_checks"]
