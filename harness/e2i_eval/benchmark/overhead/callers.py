"""Callers: how many ask a target at once, and how."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from e2i_eval.core.errors import UsageError

__all__ = ["BRANCHES", "MANY", "ONE", "Callers"]

BRANCHES = "parallel branches"
"""One caller whose graph ran several nodes at the same time."""

MANY = 8
MOST = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Callers:
    """How a target is called.

    Attributes:
        kind: ``one`` after the other, ``threads`` at once, or ``tasks`` of one event loop at once.
        count: how many at once.
    """

    kind: Literal["one", "threads", "tasks"]
    count: int

    @classmethod
    def parse(cls, text: str) -> Callers:
        """Read ``one``, ``8 threads`` or ``8 tasks``.

        Raises:
            UsageError: it is none of these.
        """
        if text == "one":
            return ONE
        found = re.fullmatch(r"(\d+) (threads|tasks)", text)
        if found is None or not 1 < int(found[1]) <= MOST:
            what = f"callers={text!r} is not known"
            raise UsageError(what, fix=f'use "one", "{MANY} threads" or "{MANY} tasks", 2 to {MOST}')
        return cls(kind="threads" if found[2] == "threads" else "tasks", count=int(found[1]))

    def __str__(self) -> str:
        return "one" if self.kind == "one" else f"{self.count} {self.kind}"


ONE = Callers(kind="one", count=1)
