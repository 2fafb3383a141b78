"""The files of cases: which files below the golden folder are cases, and the id that a file's place gives its case.

Imports neither YAML nor pydantic: pytest asks while it collects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CASE_SUFFIXES", "case_files", "case_id_of"]

CASE_SUFFIXES = (".yaml", ".yml")


def case_files(folder: Path) -> list[Path]:
    """Return the case files in ``folder`` and below, sorted; none when there is no such folder."""
    return sorted(file for file in folder.rglob("*") if file.suffix in CASE_SUFFIXES)


def case_id_of(file: Path, cases: Path) -> str:
    """Return the id of the case in ``file``, from its place below the folder ``cases``: ``<target>/<name>``."""
    return file.relative_to(cases).with_suffix("").as_posix()
