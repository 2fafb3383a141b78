"""A fault: one named way in which logging, an agent or the server goes wrong, and which check must say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from e2i_eval.core.case import Case
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.faults.control_run import ControlRun
    from e2i_eval.faults.sent_span import SentSpan
    from e2i_eval.tracking.traffic import Handling, HttpRequest

__all__ = [
    "CallEdit",
    "CaseEdit",
    "Fault",
    "FaultClass",
    "ModelEdit",
    "Need",
    "Place",
    "RequestEdit",
    "SpansEdit",
    "Target",
]

FaultClass = Literal[
    "missing",
    "wrong",
    "duplicated",
    "late",
    "leaked",
    "slow",
    "misattributed",
    "truncated",
    "unfinished",
    "swapped",
    "lost",
    "counted twice",
    "behaviour",
]
"""``lost``: what had been logged never arrives. ``behaviour``: the agent does something else, and logs it truly."""

Place = Literal["log", "agent", "Claude", "server"]
"""Where it is applied: to what logging sends, to the agent, to what Claude answers, to what the server keeps."""

Target: TypeAlias = "Callable[[JsonObject], object]"
SpansEdit: TypeAlias = "Callable[[list[SentSpan], ControlRun], list[SentSpan]]"
RequestEdit: TypeAlias = "Callable[[HttpRequest, ControlRun], Handling | None]"
ModelEdit: TypeAlias = "Callable[[ControlRun, Callable[[], None]], AbstractContextManager[None]]"
CallEdit: TypeAlias = "Callable[[Target, ControlRun, Callable[[], None]], Target]"
CaseEdit: TypeAlias = "Callable[[Case], Case | None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a case must have for a fault to mean anything.

    Attributes:
        what: in words, for a case that lacks it.
        is_likely: decided from the case file alone, without running it.
        is_met: decided from the control run.
        wants_other: the control run of another case of the target is needed as well.
    """

    what: str
    is_met: Callable[[ControlRun], bool]
    is_likely: Callable[[Case], bool] = lambda _case: True
    wants_other: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to go wrong. At least one of the last five says how; several work together.

    Attributes:
        name: short, with hyphens.
        kind: its class.
        place: where it is applied.
        summary: what goes wrong, in a sentence.
        source: the bug report or the fact that it stands for.
        checks: the checks one of which must fail; ``baseline`` and ``overhead`` stand for the rules of the gate.
        says: regular expression that must be found in what such a check says, so that the reason is the right one;
            empty where the check alone is enough.
        needs: what a case must have.
        spans: changes the spans of one OTLP request.
        request: decides about one request of the logging; None leaves it alone.
        model: is in force while the target runs; changes what its chat models do, and calls its second argument each
            time it has.
        call: replaces what is called as the target; calls its last argument each time it has changed something.
        case: changes the case, which is what Claude answers; None where it cannot.
    """

    name: str
    kind: FaultClass
    place: Place
    summary: str
    source: str
    checks: tuple[str, ...]
    says: str = ""
    needs: tuple[Need, ...] = ()
    spans: SpansEdit | None = None
    request: RequestEdit | None = None
    model: ModelEdit | None = None
    call: CallEdit | None = None
    case: CaseEdit | None = None

    def lacks(self, control_run: ControlRun) -> str:
        """Return what the control run lacks for this fault; empty when it has all."""
        return next((need.what for need in self.needs if not need.is_met(control_run)), "")

    def may_fit(self, case: Case) -> bool:
        """Tell, from the case file alone, whether it is worth running the case for this fault."""
        return all(need.is_likely(case) for need in self.needs)
