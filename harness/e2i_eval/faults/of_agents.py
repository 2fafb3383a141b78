"""Faults of agents: they do something else, or hide what happened."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from e2i_eval.case import ScriptedError
from e2i_eval.faults.chat_models import asking, sending
from e2i_eval.faults.fault import Fault, Need
from e2i_eval.faults.graphs import with_extra_node, with_loop, without_node
from e2i_eval.faults.needs import (
    A_CLAUDE_ERROR,
    CACHED_TOKENS,
    ONE_CALL,
    OUTPUT_IS_JUDGED,
    another_case,
    nodes_are_judged,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from e2i_eval.case import Case
    from e2i_eval.faults.sound import Sound
    from e2i_eval.json_value import JsonObject

__all__ = ["AGENT_FAULTS"]

SENTENCE = " Think about it once more before you answer."
OTHER_MODEL = "claude-haiku-4-5"
OVERLOADED = 529
SENT_IN_S = 0.2
ATTEMPTS = 3
"""The SDK tries a call again twice."""


# what is asked


@contextmanager
def add_sentence(_sound: Sound, applied: Callable[[], None]) -> Iterator[None]:
    """Add a sentence to the first message of every prompt; the log tells it as well."""
    with asking(lambda messages: _with_sentence(messages, applied)):
        yield


@contextmanager
def add_sentence_below(_sound: Sound, applied: Callable[[], None]) -> Iterator[None]:
    """Add a sentence after the prompt was logged."""
    with sending(lambda _model, messages: _with_sentence(messages, applied)):
        yield


@contextmanager
def lose_history_below(_sound: Sound, applied: Callable[[], None]) -> Iterator[None]:
    """Send half of the last message, and log the whole."""

    def change(_model: Any, messages: list[Any]) -> list[Any]:  # noqa: ANN401  a chat model
        *before, last = messages
        if not isinstance(last.content, str) or len(last.content) < 2:  # noqa: PLR2004  there is no half of less
            return messages
        applied()
        return [*before, last.model_copy(update={"content": last.content[: len(last.content) // 2]})]

    with sending(change):
        yield


@contextmanager
def ask_twice(_sound: Sound, applied: Callable[[], None]) -> Iterator[None]:
    """Ask Claude everything twice."""

    def unchanged(messages: list[Any]) -> list[Any]:
        applied()
        return messages

    with asking(unchanged, times=2):
        yield


@contextmanager
def ask_other_model_below(_sound: Sound, applied: Callable[[], None]) -> Iterator[None]:
    """Ask another model after the configured one was logged."""

    def change(model: Any, messages: list[Any]) -> list[Any]:  # noqa: ANN401  a chat model
        if getattr(model, "model", "").startswith("claude"):
            applied()
            model.model = OTHER_MODEL
        return messages

    with _restored_models(), sending(change):
        yield


@contextmanager
def _restored_models() -> Iterator[None]:
    """Give every chat model that is asked in the block its own model back."""
    from langchain_core.language_models import BaseChatModel  # noqa: PLC0415  LangChain is heavy

    asked: dict[int, tuple[Any, str]] = {}
    generate, agenerate = BaseChatModel.generate, BaseChatModel.agenerate

    def remember(model: Any) -> None:  # noqa: ANN401  a chat model
        if hasattr(model, "model"):
            asked.setdefault(id(model), (model, model.model))

    def ask(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  passed on as it is
        remember(self)
        return generate(self, *args, **kwargs)

    async def aask(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  passed on as it is
        remember(self)
        return await agenerate(self, *args, **kwargs)

    BaseChatModel.generate, BaseChatModel.agenerate = ask, aask  # type: ignore[method-assign]
    try:
        yield
    finally:
        BaseChatModel.generate, BaseChatModel.agenerate = generate, agenerate  # type: ignore[method-assign]
        for model, name in asked.values():
            model.model = name


@contextmanager
def swallow_error(_sound: Sound, applied: Callable[[], None]) -> Iterator[None]:
    """Turn every error of Claude into an empty answer that went well."""

    def empty(_error: Exception) -> Any:  # noqa: ANN401  a ChatResult
        from langchain_core.messages import AIMessage  # noqa: PLC0415  LangChain is heavy
        from langchain_core.outputs import ChatGeneration, ChatResult  # noqa: PLC0415  as above

        applied()
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=""))])

    with sending(on_error=empty):
        yield


def _with_sentence(messages: list[Any], applied: Callable[[], None]) -> list[Any]:
    """Return copies of messages, the first of which says more."""
    first, *others = messages
    applied()
    content = first.content
    more = content + SENTENCE if isinstance(content, str) else [*content, {"type": "text", "text": SENTENCE.strip()}]
    return [first.model_copy(update={"content": more}), *others]


# what runs


def add_node(
    function: Callable[[JsonObject], object], sound: Sound, applied: Callable[[], None]
) -> Callable[[JsonObject], object]:
    """Run one node more."""
    return _applied(with_extra_node(function, sound.nodes), function, applied)


def skip_node(
    function: Callable[[JsonObject], object], sound: Sound, applied: Callable[[], None]
) -> Callable[[JsonObject], object]:
    """Leave a node out."""
    return _applied(without_node(function, _between(sound)), function, applied)


def loop_once(
    function: Callable[[JsonObject], object], sound: Sound, applied: Callable[[], None]
) -> Callable[[JsonObject], object]:
    """Run a node again."""
    return _applied(with_loop(function, _between(sound)), function, applied)


def _between(sound: Sound) -> Collection[str]:
    """Return the nodes that do not ask Claude, whose answers are counted; those in the middle first."""
    quiet = [node for node in sound.nodes if node not in sound.asked_nodes()]
    return (*quiet[1:], *quiet[:1])


def _applied(
    edited: Callable[[JsonObject], object] | None,
    function: Callable[[JsonObject], object],
    applied: Callable[[], None],
) -> Callable[[JsonObject], object]:
    if edited is None:
        return function
    applied()
    return edited


# what comes out


def answer_from_memory(
    function: Callable[[JsonObject], object], sound: Sound, applied: Callable[[], None]
) -> Callable[[JsonObject], object]:
    """Return the answer to another question."""

    def answer(inputs: JsonObject) -> object:
        output = function(inputs)
        applied()
        return output if sound.other is None else sound.other.run.output

    return answer


def answer_nothing(
    function: Callable[[JsonObject], object], _sound: Sound, applied: Callable[[], None]
) -> Callable[[JsonObject], object]:
    """Do the work and forget to return it."""

    def answer(inputs: JsonObject) -> None:
        function(inputs)
        applied()

    return answer


def break_afterwards(
    function: Callable[[JsonObject], object], _sound: Sound, applied: Callable[[], None]
) -> Callable[[JsonObject], object]:
    """Lose a good answer to an error in what comes after it."""

    def answer(inputs: JsonObject) -> object:
        function(inputs)
        applied()
        msg = "the artifact could not be stored"
        raise OSError(msg)

    return answer


def wait_for_the_server(
    function: Callable[[JsonObject], object], _sound: Sound, applied: Callable[[], None]
) -> Callable[[JsonObject], object]:
    """Keep the answer from the caller until it is logged."""

    def answer(inputs: JsonObject) -> object:
        output = function(inputs)
        applied()
        time.sleep(SENT_IN_S)
        return output

    return answer


# what Claude answers


def overload(case: Case) -> Case | None:
    """Let Claude be overloaded where it answered."""
    if any(answer.error or answer.fault for answer in case.script):
        return None
    error = ScriptedError(status=OVERLOADED)
    return replace(case, script=tuple(replace(each, error=error, times=ATTEMPTS) for each in case.script))


def answer_twice(case: Case) -> Case | None:
    """Let Claude answer everything twice."""
    if any(answer.error or answer.fault for answer in case.script):
        return None
    return replace(case, script=tuple(replace(each, times=2 * each.times) for each in case.script))


def cache_nothing(case: Case) -> Case | None:
    """Let Claude read nothing from its cache; the sum of the input is the same."""

    def uncached(usage: JsonObject | None) -> JsonObject | None:
        if not usage or not usage.get("cache_read_input_tokens"):
            return usage
        read = usage["cache_read_input_tokens"]
        return {**usage, "cache_read_input_tokens": 0, "input_tokens": usage["input_tokens"] + read}

    return replace(case, script=tuple(replace(each, usage=uncached(each.usage)) for each in case.script))


def _script_is_plain(case: Case) -> bool:
    return bool(case.script) and not any(each.error or each.fault for each in case.script)


PLAIN_SCRIPT = Need(
    what="no case has answers of Claude without any error",
    is_likely=_script_is_plain,
    is_met=lambda sound: _script_is_plain(sound.case),
)
A_QUICK_ANSWER = Need(
    what="no case is answered within a second", is_met=lambda sound: sound.evidence.run.duration_s < 1.0
)
EXACT = nodes_are_judged("strict", "unordered", "superset")

AGENT_FAULTS = (
    Fault(
        name="context-logged-is-not-context-sent",
        kind="wrong",
        place="agent",
        summary="What is sent to Claude is changed after it was logged.",
        source="own: a client that trims or completes prompts below the callbacks",
        checks=("logging",),
        tells="system|user|message",
        needs=(ONE_CALL,),
        model=add_sentence_below,
    ),
    Fault(
        name="prompt-trimmed-below-the-log",
        kind="truncated",
        place="agent",
        summary="Half of a message is sent, and the whole is logged.",
        source="own: a client that fits prompts into a window below the callbacks",
        checks=("logging", "wire", "trace"),
        needs=(ONE_CALL,),
        model=lose_history_below,
    ),
    Fault(
        name="model-changed-below-the-log",
        kind="wrong",
        place="agent",
        summary="Another model is asked than the log says.",
        source="own: a router behind the client",
        checks=("logging",),
        tells="model",
        needs=(ONE_CALL,),
        model=ask_other_model_below,
    ),
    Fault(
        name="claude-error-swallowed",
        kind="wrong",
        place="agent",
        summary="An error of Claude becomes an empty answer that went well.",
        source="miurla/morphic#936: hours of empty answers that every trace showed as good ones",
        checks=("logging",),
        tells="status|failed|error",
        needs=(A_CLAUDE_ERROR,),
        model=swallow_error,
    ),
    Fault(
        name="extra-call",
        kind="behaviour",
        place="agent",
        summary="The agent asks Claude once more than its script answers.",
        source="mlflow.genai.evaluate calls the function twice for the first row",
        checks=("wire",),
        tells="scripted|answer",
        needs=(ONE_CALL, PLAIN_SCRIPT),
        model=ask_twice,
    ),
    Fault(
        name="extra-call-answered",
        kind="behaviour",
        place="agent",
        summary="The agent asks everything twice, and is answered.",
        source="own: a retry around a client that retries",
        checks=("baseline",),
        tells="call",
        needs=(ONE_CALL, PLAIN_SCRIPT),
        model=ask_twice,
        case=answer_twice,
    ),
    Fault(
        name="prompt-grows",
        kind="behaviour",
        place="agent",
        summary="A prompt has one sentence more.",
        source="own: a change nobody sees in a review of code",
        checks=("baseline",),
        tells="prompt|token",
        needs=(ONE_CALL,),
        model=add_sentence,
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
        name="node-added",
        kind="behaviour",
        place="agent",
        summary="The graph runs a node more.",
        source="own",
        checks=("nodes",),
        tells="one_more",
        needs=(EXACT,),
        call=add_node,
    ),
    Fault(
        name="node-skipped",
        kind="behaviour",
        place="agent",
        summary="The graph leaves a node out.",
        source="own: refuters or guards behind a condition that became false",
        checks=("nodes",),
        needs=(nodes_are_judged("strict", "unordered", "subset"),),
        call=skip_node,
    ),
    Fault(
        name="node-loops",
        kind="behaviour",
        place="agent",
        summary="A node runs twice.",
        source="own: a condition that goes back once too often",
        checks=("nodes",),
        needs=(EXACT,),
        call=loop_once,
    ),
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
        tells="longer",
        needs=(OUTPUT_IS_JUDGED, A_QUICK_ANSWER),
        call=wait_for_the_server,
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
"""Below the log, above it, in the graph, around it."""
