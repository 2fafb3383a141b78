"""What a check is: a name and one function from evidence to verdict."""

from __future__ import annotations

from e2i_eval.checks.check import NamedCheck, judge

__all__ = ["NamedCheck", "judge"]
