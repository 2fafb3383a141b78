"""A problem: one thing that is wrong in a case file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.core.errors import CaseFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Problem", "case_file_error"]

SHOWN_PROBLEMS = 100
"""A file with more mistakes is no case file but something else under its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in a case file.

    Attributes:
        line: 1-based; 1 also for what concerns the whole file.
        what: what is wrong, with the offending value.
        fix: what to type; None where nothing is known to help.
    """

    line: int
    what: str
    fix: str | None = None


def case_file_error(path: str, problems: Sequence[Problem]) -> CaseFileError:
    """Return one error that lists all ``problems`` of the file, in order of line."""
    first, *others = sorted(problems, key=lambda problem: problem.line)
    where = f"{path}:{first.line}"
    if not others:
        return CaseFileError(first.what, where=where, fix=first.fix)
    listed = [_listed(path, problem) for problem in (first, *others)[:SHOWN_PROBLEMS]]
    hidden = len(problems) - len(listed)
    more = [f"  and {hidden} more"] if hidden > 0 else []
    return CaseFileError("\n".join([f"{len(problems)} things are wrong", *listed, *more]), where=where)


def _listed(path: str, problem: Problem) -> str:
    fix = f"\n    fix: {problem.fix}" if problem.fix else ""
    return f"  {path}:{problem.line}: {problem.what}{fix}"
