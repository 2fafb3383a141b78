"""Golden cases: reading case files, and the checks that judge evidence by them."""

from __future__ import annotations

from e2i_eval.checks.expectations.golden_checks import golden_checks
from e2i_eval.dataset.case_file.reader import read_case
from e2i_eval.dataset.case_file.schema import case_schema
from e2i_eval.dataset.made_case import make_case

__all__ = ["case_schema", "golden_checks", "make_case", "read_case"]
