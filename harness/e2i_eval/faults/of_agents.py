"""Faults in what comes out of an agent, and in what Claude answers it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from e2i_eval.core.case import ScriptedError
from e2i_eval.faults.chat_models import sending
from e2i_eval.faults.fault import Fault, Need
from e2i_eval.faults.needs import (
    CACHED_TOKENS,
    ONE_CALL,
    OUTPUT_IS_JUDGED,
    PLAIN_SCRIPT,
    another_case,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2i_eval.core.case import Case
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.faults.control_run import ControlRun

__all__ = ["AGENT_FAULTS"]

OVERLOADED = 529
SENT_IN_S = 0.2
ENCODED_IN_S = 0.15
ATTEMPTS = 3
"""The SDK tries a call again twice."""


def answer_from_memory(
    function: Callable[[JsonObject], object], control_run: ControlRun, applied: Callable[[], None]
) -> Callable[[JsonObject], object]:
    """Return the answer to another question."""

    def answer(inputs: JsonObject) -> object:
        output = function(inputs)
        applied()
        return output if control_run.other is None else control_run.other.run.output

    return answer


def answer_nothing(
    function: Callable[[JsonObject], object], _control_run: ControlRun, applied: Callable[[], None]
) -> Callable[[JsonObject], object]:
    """Do the work and forget to return it."""

    def answer(inputs: JsonObject) -> None:
        function(inputs)
        applied()

    return answer


def break_afterwards(
    function: Callable[[JsonObject], object], _control_run: ControlRun, applied: Callable[[], None]
) -> Callable[[JsonObject], object]:
    """Lose a good answer to an error in what comes after it."""

    def answer(inputs: JsonObject) -> object:
        function(inputs)
        applied()
        msg = "the artifact could not be stored"
        raise OSError(msg)

    return answer


def wait_for_the_server(
    function: Callable[[JsonObject], object], _control_run: ControlRun, applied: Callable[[], None]
) -> Callable[[JsonObject], object]:
    """Keep the answer from the caller until it is logged."""

    def answer(inputs: JsonObject) -> object:
        output = function(inputs)
        applied()
        time.sleep(SENT_IN_S)
        return output

    return answer


@contextmanager
def encode_before_each_call(_control_run: ControlRun, applied: Callable[[], None]) -> Iterator[None]:
    """Keep each call to Claude waiting while what is to be logged of it is encoded."""

    def wait(_model: Any, messages: list[Any]) -> list[Any]:  # noqa: ANN401  a chat model
        applied()
        time.sleep(ENCODED_IN_S)
        return messages

    with sending(wait):
        yield


def overload(case: Case) -> Case | None:
    """Let Claude be overloaded where it answered."""
    if any(answer.error or answer.fault for answer in case.script):
        return None
    error = ScriptedError(status=OVERLOADED)
    return replace(case, script=tuple(replace(each, error=error, times=ATTEMPTS) for each in case.script))


def cache_nothing(case: Case) -> Case | None:
    """Let Claude read nothing from its cache; the sum of the input is the same."""

    def uncached(usage: JsonObject | None) -> JsonObject | None:
        if not usage or not usage.get("cache_read_input_tokens"):
            return usage
        read = usage["cache_read_input_tokens"]
        return {**usage, "cache_read_input_tokens": 0, "input_tokens": usage["input_tokens"] + read}

    return replace(case, script=tuple(replace(each, usage=uncached(each.usage)) for each in case.script))


A_QUICK_ANSWER = Need(
    what="no case is answered within a second", is_met=lambda control_run: control_run.evidence.run.duration_s < 1.0
)

AGENT_FAULTS = (
    Fault(
        name="answer-of-another-case",
        kind="misattributed",
        place="agent",
        summary="The caller gets the answer to another question.",
        source="seen on a platform of this kind: canned answers passed a quality gate",
        checks=("values", "output"),
        needs=(OUTPUT_IS_JUDGED, another_case()),
        call=answer_from_memory,
    ),
    Fault(
        name="answer-lost",
        kind="missing",
        place="agent",
        summary="The caller gets nothing.",
        source="own: a branch without a return",
        checks=("values", "output"),
        needs=(OUTPUT_IS_JUDGED,),
        call=answer_nothing,
    ),
    Fault(
        name="logging-destroys-answer",
        kind="wrong",
        place="agent",
        summary="An error while logging takes a good answer away from the caller.",
        source="seen on a platform of this kind: an upload error destroyed a correct result",
        checks=("completed",),
        tells="artifact",
        needs=(OUTPUT_IS_JUDGED,),
        call=break_afterwards,
    ),
    Fault(
        name="logging-blocks-caller",
        kind="slow",
        place="agent",
        summary="The caller waits 200 ms until the answer is logged.",
        source="Azure/azure-sdk-for-python#45403: 700 ms a call, because asynchronous logging was ignored; "
        "mlflow/mlflow#12885",
        checks=("overhead",),
        tells="a call .* beyond <50 ms",
        needs=(OUTPUT_IS_JUDGED, A_QUICK_ANSWER),
        call=wait_for_the_server,
    ),
    Fault(
        name="logging-computes-in-each-call",
        kind="slow",
        place="agent",
        summary="Logging holds up each call to Claude by 150 ms of work on the caller's thread.",
        source="own: a callback that encodes the whole state whenever it is called",
        checks=("overhead",),
        tells="a call .* beyond <50 ms",
        needs=(ONE_CALL, A_QUICK_ANSWER),
        model=encode_before_each_call,
    ),
    Fault(
        name="cache-unused",
        kind="behaviour",
        place="Claude",
        summary="The prompt is not read from Claude's cache any more.",
        source="Siddhant-K-code/distill#47: a changed prefix, and the cache is missed at ten times the price",
        checks=("baseline",),
        tells="cache",
        needs=(CACHED_TOKENS,),
        case=cache_nothing,
    ),
    Fault(
        name="claude-down",
        kind="wrong",
        place="Claude",
        summary="Claude is overloaded, and the answer must not look as usual.",
        source="seen on a platform of this kind: a fallback reported as completed",
        checks=("values", "output", "completed", "tools"),
        needs=(OUTPUT_IS_JUDGED, ONE_CALL, PLAIN_SCRIPT),
        case=overload,
    ),
)
"""The caller's answers, then Claude's."""
