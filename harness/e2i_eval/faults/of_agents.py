"""Faults in what comes out of an agent, and in what Claude answers it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from e2i_eval.core.case import ScriptedError
from e2i_eval.faults.chat_models import sending
from e2i_eval.faults.fault import Need
from e2i_eval.faults.fault_list import FaultList
from e2i_eval.faults.needs import CACHED_TOKENS, ONE_CALL, OUTPUT_IS_JUDGED, PLAIN_SCRIPT, another_case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2i_eval.core.case import Case
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.faults.control_run import ControlRun
    from e2i_eval.faults.fault import Target

__all__ = ["AGENT_FAULTS"]

OVERLOADED = 529
SENT_IN_S = 0.2
ENCODED_IN_S = 0.15
ATTEMPTS = 3
"""The SDK tries a call again twice."""
A_QUICK_ANSWER = Need(
    what="no case is answered within a second", is_met=lambda control_run: control_run.evidence.run.duration_s < 1.0
)

AGENT_FAULTS = FaultList(kind="wrong", place="agent", checks=("values", "output"))
"""The caller's answers, then Claude's."""


@AGENT_FAULTS.call(
    "answer-of-another-case",
    "The caller gets the answer to another question.",
    source="seen on a platform of this kind: canned answers passed a quality gate",
    kind="misattributed",
    needs=(OUTPUT_IS_JUDGED, another_case()),
)
def answer_from_memory(function: Target, control_run: ControlRun, applied: Callable[[], None]) -> Target:
    """Return the answer to another question."""

    def answer(inputs: JsonObject) -> object:
        output = function(inputs)
        applied()
        return output if control_run.other is None else control_run.other.run.output

    return answer


@AGENT_FAULTS.call(
    "answer-lost",
    "The caller gets nothing.",
    source="own: a branch without a return",
    kind="missing",
    needs=(OUTPUT_IS_JUDGED,),
)
def answer_nothing(function: Target, _control_run: ControlRun, applied: Callable[[], None]) -> Target:
    """Do the work and forget to return it."""

    def answer(inputs: JsonObject) -> None:
        function(inputs)
        applied()

    return answer


@AGENT_FAULTS.call(
    "logging-destroys-answer",
    "An error while logging takes a good answer away from the caller.",
    source="seen on a platform of this kind: an upload error destroyed a correct result",
    checks=("completed",),
    says="artifact",
    needs=(OUTPUT_IS_JUDGED,),
)
def break_afterwards(function: Target, _control_run: ControlRun, applied: Callable[[], None]) -> Target:
    """Lose a good answer to an error in what comes after it."""

    def answer(inputs: JsonObject) -> object:
        function(inputs)
        applied()
        msg = "the artifact could not be stored"
        raise OSError(msg)

    return answer


@AGENT_FAULTS.call(
    "logging-blocks-caller",
    "The caller waits 200 ms until the answer is logged.",
    source="Azure/azure-sdk-for-python#45403: 700 ms a call, because asynchronous logging was ignored; "
    "mlflow/mlflow#12885",
    kind="slow",
    checks=("overhead",),
    says="a call .* beyond <50 ms",
    needs=(OUTPUT_IS_JUDGED, A_QUICK_ANSWER),
)
def wait_for_the_server(function: Target, _control_run: ControlRun, applied: Callable[[], None]) -> Target:
    """Keep the answer from the caller until it is logged."""

    def answer(inputs: JsonObject) -> object:
        output = function(inputs)
        applied()
        time.sleep(SENT_IN_S)
        return output

    return answer


@AGENT_FAULTS.model(
    "logging-computes-in-each-call",
    "Logging holds up each call to Claude by 150 ms of work on the caller's thread.",
    source="own: a callback that encodes the whole state whenever it is called",
    kind="slow",
    checks=("overhead",),
    says="a call .* beyond <50 ms",
    needs=(ONE_CALL, A_QUICK_ANSWER),
)
@contextmanager
def encode_before_each_call(_control_run: ControlRun, applied: Callable[[], None]) -> Iterator[None]:
    """Keep each call to Claude waiting while what is to be logged of it is encoded."""

    def wait(_model: Any, messages: list[Any]) -> list[Any]:  # noqa: ANN401  a chat model
        applied()
        time.sleep(ENCODED_IN_S)
        return messages

    with sending(wait):
        yield


@AGENT_FAULTS.case(
    "cache-unused",
    "The prompt is not read from Claude's cache any more.",
    source="Siddhant-K-code/distill#47: a changed prefix, and the cache is missed at ten times the price",
    kind="behaviour",
    place="Claude",
    checks=("baseline",),
    says="cache",
    needs=(CACHED_TOKENS,),
)
def cache_nothing(case: Case) -> Case | None:
    """Let Claude read nothing from its cache; the sum of the input is the same."""

    def uncached(usage: JsonObject | None) -> JsonObject | None:
        if not usage or not usage.get("cache_read_input_tokens"):
            return usage
        read = usage["cache_read_input_tokens"]
        return {**usage, "cache_read_input_tokens": 0, "input_tokens": usage["input_tokens"] + read}

    return replace(case, script=tuple(replace(each, usage=uncached(each.usage)) for each in case.script))


@AGENT_FAULTS.case(
    "claude-down",
    "Claude is overloaded, and the answer must not look as usual.",
    source="seen on a platform of this kind: a fallback reported as completed",
    place="Claude",
    checks=("values", "output", "completed", "tools"),
    needs=(OUTPUT_IS_JUDGED, ONE_CALL, PLAIN_SCRIPT),
)
def overload(case: Case) -> Case | None:
    """Let Claude be overloaded where it answered."""
    if any(answer.error or answer.fault for answer in case.script):
        return None
    error = ScriptedError(status=OVERLOADED)
    return replace(case, script=tuple(replace(each, error=error, times=ATTEMPTS) for each in case.script))
