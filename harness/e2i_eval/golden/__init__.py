"""Golden cases: reading case files, and the checks that judge evidence by them."""

from __future__ import annotations

from e2i_eval.dataset.case_file.reader import read_case
from e2i_eval.dataset.case_file.schema import case_schema
from e2i_eval.dataset.made_case import make_case
from e2i_eval.golden.golden_checks import golden_checks

__all__ = ["case_schema", "golden_checks", "make_case", "read_case"]
