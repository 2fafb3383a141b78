"""Custom checks: functions of the project that judge evidence beside the built-in checks."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from typing import TYPE_CHECKING, cast

from e2i_eval.core.check import NamedCheck, check
from e2i_eval.core.entry_point import load_entry_point
from e2i_eval.core.errors import UsageError
from e2i_eval.core.suggestion import quoted
from e2i_eval.core.verdict import JUDGE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from e2i_eval.core.check import Check

__all__ = ["BUILT_IN", "custom_check", "refuse_twins"]

BUILT_IN = frozenset(
    {
        *("completed", "output", "review", "values", "nodes", "tools", "metrics", "params", "tags", "budget"),
        *("trajectory", "rag", "wire", "logging", "trace", "secrets", "provenance-tag"),
        *("truth", "null", "metamorphic", "ablation", "knock-out", "fresh-process", "provenance"),
        *("behaviour", "flush", "outage", "recording", "repeats", "test", "baseline", "overhead"),
    }
)
"""Names of verdicts that are taken."""

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""What a name may look like: it is shown in a table, and is the name of an assessment in MLflow."""


def custom_check(entry: Callable[..., object] | str, *, owner: str, where: str) -> NamedCheck:
    """Return a check of the project with its name.

    Args:
        entry: a function, or ``module:attribute`` that names one.
        owner: whose it is, for messages: ``target 'support'``.
        where: ``file:line`` of the entry.

    Raises:
        UsageError: it does not import, does not exist, is no function of the evidence alone, or has no name that is
            free.
    """
    subject = f"checks = {entry if isinstance(entry, str) else getattr(entry, '__qualname__', entry)!r} of {owner}"
    if isinstance(entry, str):
        if not all(part.strip() for part in f"{entry}:".split(":")[:2]):
            what = f"{subject} is not of the form 'module:attribute'"
            raise UsageError(what, where=where, fix='write for example "shop.checks:polite"')
        entry = load_entry_point(entry, subject=subject, where=where)
    if isinstance(entry, type) or not callable(entry):
        what = f"{subject} is {_described(entry)}, no function"
        raise UsageError(what, where=where, fix="name a function that takes the evidence and returns a Verdict")
    made = check(cast("Check", entry))
    _refuse_shape(made.function or made.judge, subject, where)
    _refuse_name(made.name, subject, where)
    return made


def refuse_twins(checks: Iterable[NamedCheck], *, owner: str, where: str) -> None:
    """Refuse two checks of one name: their verdicts could not be distinguished.

    Raises:
        UsageError: there are two.
    """
    counts = Counter(each.name for each in checks)
    if twins := [name for name, count in counts.items() if count > 1]:
        what = f"{owner} has {counts[twins[0]]} checks named {twins[0]!r}"
        raise UsageError(what, where=where, fix="name it once, or give one another name with @check(name=...)")


def _described(value: object) -> str:
    return f"the class {value.__qualname__}" if isinstance(value, type) else f"{value!r:.60} ({type(value).__name__})"


def _refuse_shape(function: Callable[..., object], subject: str, where: str) -> None:
    body = function if inspect.isroutine(function) else getattr(function, "func", type(function).__call__)
    kinds = {
        "async": inspect.iscoroutinefunction(body) or inspect.isasyncgenfunction(body),
        "a generator": inspect.isgeneratorfunction(body),
    }
    if kind := next((name for name, is_it in kinds.items() if is_it), ""):
        what = f"{subject} is {kind}, and a check is a plain function"
        raise UsageError(what, where=where, fix="write it with def and return, and await within asyncio.run(...)")
    try:
        inspect.signature(function).bind(object())
    except TypeError:
        what = f"{subject} takes {inspect.signature(function)}, and a check takes the evidence alone"
        raise UsageError(what, where=where, fix="write def polite(evidence: Evidence) -> Verdict | None: ...") from None
    except ValueError:  # a function in C that does not say what it takes
        return


def _refuse_name(name: str, subject: str, where: str) -> None:
    if not NAME.fullmatch(name):
        what = f"{subject} has no name that could be shown: {name!r}" if name else f"{subject} has no name"
        raise UsageError(what, where=where, fix='give it one: check(function, name="polite")')
    if name in BUILT_IN or name.startswith(JUDGE_PREFIX):
        what = f"{subject} is named {name!r}, as a built-in check is"
        taken = "what begins with 'judge.'" if name.startswith(JUDGE_PREFIX) else quoted(sorted(BUILT_IN))
        raise UsageError(what, where=where, fix=f'name it @check(name="..."), but not {taken}')
