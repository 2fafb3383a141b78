"""The roll: the judges of a case, those that it only names taken from the target's shared ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from e2i_eval.core.errors import UsageError
from e2i_eval.core.suggestion import suggested

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from e2i_eval.core.judge_rule import JudgeRule

__all__ = ["called"]

OWN = ("name", "mock", "given")
"""What a case says itself even of a judge that is described elsewhere."""


def called(rules: Iterable[JudgeRule], shared: Mapping[str, JudgeRule], *, where: str) -> tuple[JudgeRule, ...]:
    """Return the judges of a case, complete; what the case says of a shared judge wins over what the file says.

    Args:
        rules: as the case has them.
        shared: the target's, by name.
        where: ``file:line`` of the case's judges.

    Raises:
        UsageError: a case names a judge that nobody described.
    """
    return tuple(_complete(rule, shared, where) if rule.is_reference else rule for rule in rules)


def _complete(rule: JudgeRule, shared: Mapping[str, JudgeRule], where: str) -> JudgeRule:
    found = shared.get(rule.name)
    if found is None:
        what = f"there is no judge {rule.name!r}: the case gives it no rubric, and the target's judges file has none"
        known = f"known: {', '.join(sorted(shared))}" if shared else 'write judges = "evals/judges.toml" at the target'
        raise UsageError(what, where=where, fix=suggested(rule.name, shared, otherwise=known))
    said = {key: getattr(rule, key) for key in (*rule.given, *OWN)}
    return replace(found, **said)
