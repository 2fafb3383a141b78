"""A check: a function from evidence to a verdict, and the name it goes by."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, get_args, overload

from e2i_eval.core.json_codec import to_json
from e2i_eval.core.verdict import Finding, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.evidence import Evidence

__all__ = ["Check", "NamedCheck", "check", "name_of"]

STATUSES: tuple[Status, ...] = get_args(Status)


class Check(Protocol):
    """A function that judges evidence.

    It returns a verdict, or None when it does not apply to the case.
    A verdict without a name of its own gets the check's.
    An exception is an *error* of the check: never a pass, and no fault of what was evaluated.
    """

    def __call__(self, evidence: Evidence, /) -> Verdict | None:
        """Judge the evidence of one case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCheck:
    """A check with its name; called like the function it was made of.

    Attributes:
        name: short, unique; the name of its verdict, of its assessment in MLflow and of its row in the report.
        judge: from evidence to verdict; it may raise, which is an ``error`` verdict.
        function: what a project wrote; None for a built-in check.
    """

    name: str
    judge: Callable[[Evidence], Verdict]
    function: Check | None = None

    def __call__(self, evidence: Evidence, /) -> Verdict:
        """Judge the evidence of one case; ``skip`` when the check does not apply to it."""
        return self.judge(evidence)


@overload
def check(function: Check, /, *, name: str = "") -> NamedCheck: ...
@overload
def check(*, name: str) -> Callable[[Check], NamedCheck]: ...
def check(function: Check | None = None, /, *, name: str = "") -> NamedCheck | Callable[[Check], NamedCheck]:
    """Name a check: ``@check(name="polite")``, or ``check(partial(short, limit=80), name="short")``.

    A plain function needs none of this; it goes by its own name.

    Args:
        function: what judges; left out where ``check`` is a decorator with a name.
        name: what it is called; empty takes the function's own name.
    """
    if function is None:
        return lambda given: check(given, name=name)
    own = function.function or function.judge if isinstance(function, NamedCheck) else function
    called = name or name_of(function)
    return NamedCheck(name=called, judge=lambda evidence: _settled(called, own, own(evidence)), function=own)


def name_of(function: object) -> str:
    """Return the name a check goes by; empty for what has none, as a ``partial``."""
    return function.name if isinstance(function, NamedCheck) else str(getattr(function, "__name__", ""))


def _settled(name: str, function: Check, given: object) -> Verdict:
    """Return what a check gave as the verdict that is recorded."""
    if given is None:
        return Verdict(check=name, status="skip", reason="the check does not apply to this case")
    if inspect.iscoroutine(given):
        given.close()  # else Python warns of it wherever it happens to be collected
    if mistake := _mistake(name, given):
        return Verdict(check=name, status="error", reason=f"{mistake} ({_place(function)})")
    assert isinstance(given, Verdict)  # noqa: S101  anything else is a mistake
    return replace(given, check=name, findings=tuple(given.findings))


def _mistake(name: str, given: object) -> str:
    """Return what is wrong with what a check gave, and what to write; empty when nothing is."""
    if not isinstance(given, Verdict):
        wanted = 'return Verdict(status="pass"), one with status="fail", or None where the check does not apply'
        return f"the check returned {given!r:.80}, which is no Verdict: {wanted}"
    if given.check not in {"", name}:
        fix = "leave check= out of Verdict(...), or name the check itself with @check(name=...)"
        return f"the check {name!r} returned a verdict named {given.check!r}: {fix}"
    if given.status not in STATUSES:
        return f"the verdict's status is {given.status!r}: write one of {', '.join(map(repr, STATUSES))}"
    if given.score is not None and not (type(given.score) in {int, float} and 0 <= given.score <= 1):
        return f"the verdict's score is {given.score!r}: give a number from 0 to 1, or leave it out"
    if not isinstance(given.findings, list | tuple):
        return f"the verdict's findings are {given.findings!r:.80}: write findings=(Finding(...),)"
    return _textless(given)


def _textless(verdict: Verdict) -> str:
    """Return which text of a verdict is none; empty when all are."""
    for name in ("reason", "by"):
        if not isinstance(getattr(verdict, name), str):
            return f"the verdict's {name} is {getattr(verdict, name)!r:.80}, which is no text: write str(...)"
    for finding in verdict.findings:
        if not isinstance(finding, Finding):
            return f"{finding!r:.80} among the verdict's findings is no Finding: write Finding(message=..., field=...)"
        for name, value in to_json(finding).items():
            if not isinstance(value, str) and (value is not None or name in {"message", "field"}):
                return f"{name} of a finding is {value!r:.80}, which is no text: write str(...)"
    return ""


def _place(function: Check) -> str:
    """Return where a check is written; its module where it has no code of its own."""
    code = getattr(function, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else type(function).__module__
