"""Choice: with which golden cases a target's overhead is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.core.errors import UnknownError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from e2i_eval.core.case import Case

__all__ = ["TAG", "chosen_cases"]

TAG = "overhead"


def chosen_cases(target: str, cases: Sequence[Case], passed: Collection[str]) -> tuple[Case, ...]:
    """Return the cases tagged ``overhead``, else the first that passed, else the first that expects no error.

    Args:
        target: whose cases these are.
        cases: in the order of their files.
        passed: ids of cases known to have passed in this process; with xdist others may have passed elsewhere.

    Raises:
        UnknownError: there is no case to measure with.
    """
    if tagged := tuple(case for case in cases if TAG in case.tags):
        return tagged
    untroubled = [case for case in cases if case.expect.error is None]
    ordered = [case for case in untroubled if case.id in passed] or untroubled
    if not ordered:
        what = f"the overhead of {target} cannot be measured: it has no golden case that ends without an error"
        raise UnknownError(what, fix=f"tag one with `tags: [{TAG}]`, or write a first one")
    return (ordered[0],)
