"""Families of checks, switched on for a target in its configuration; see ``docs/reference/families.md``."""

from __future__ import annotations

from e2i_eval.runner.families.declared import Declared, FamilyPlan
from e2i_eval.runner.families.families_file import read_families
from e2i_eval.runner.families.provenance_check import default_checks_of

__all__ = ["Declared", "FamilyPlan", "default_checks_of", "read_families"]
