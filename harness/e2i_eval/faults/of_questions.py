"""Faults in what an agent asks Claude: something else than it logs, more often, in other words."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from e2i_eval.faults.chat_models import asking, sending
from e2i_eval.faults.fault_list import FaultList
from e2i_eval.faults.needs import A_CLAUDE_ERROR, ONE_CALL, PLAIN_SCRIPT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2i_eval.core.case import Case
    from e2i_eval.faults.control_run import ControlRun

__all__ = ["QUESTION_FAULTS"]

SENTENCE = " Think about it once more before you answer."
OTHER_MODEL = "claude-haiku-4-5"

QUESTION_FAULTS = FaultList(kind="wrong", place="agent", checks=("logging",))
"""Below the log, then above it."""


@QUESTION_FAULTS.model(
    "context-logged-is-not-context-sent",
    "What is sent to Claude is changed after it was logged.",
    source="own: a client that trims or completes prompts below the callbacks",
    says="system|user|message",
    needs=(ONE_CALL,),
)
@contextmanager
def add_sentence_below(_control_run: ControlRun, applied: Callable[[], None]) -> Iterator[None]:
    """Add a sentence after the prompt was logged."""
    with sending(lambda _model, messages: _with_sentence(messages, applied)):
        yield


@QUESTION_FAULTS.model(
    "prompt-trimmed-below-the-log",
    "Half of a message is sent, and the whole is logged.",
    source="own: a client that fits prompts into a window below the callbacks",
    kind="truncated",
    checks=("logging", "wire", "trace"),
    needs=(ONE_CALL,),
)
@contextmanager
def lose_history_below(_control_run: ControlRun, applied: Callable[[], None]) -> Iterator[None]:
    """Send half of the last message, and log the whole."""

    def change(_model: Any, messages: list[Any]) -> list[Any]:  # noqa: ANN401  a chat model
        *before, last = messages
        if not isinstance(last.content, str) or len(last.content) < 2:  # noqa: PLR2004  there is no half of less
            return messages
        applied()
        return [*before, last.model_copy(update={"content": last.content[: len(last.content) // 2]})]

    with sending(change):
        yield


@QUESTION_FAULTS.model(
    "model-changed-below-the-log",
    "Another model is asked than the log says.",
    source="own: a router behind the client",
    says="model",
    needs=(ONE_CALL,),
)
@contextmanager
def ask_other_model_below(_control_run: ControlRun, applied: Callable[[], None]) -> Iterator[None]:
    """Ask another model after the configured one was logged."""

    def change(model: Any, messages: list[Any]) -> list[Any]:  # noqa: ANN401  a chat model
        if getattr(model, "model", "").startswith("claude"):
            applied()
            model.model = OTHER_MODEL
        return messages

    with _restored_models(), sending(change):
        yield


@QUESTION_FAULTS.model(
    "claude-error-swallowed",
    "An error of Claude becomes an empty answer that went well.",
    source="miurla/morphic#936: hours of empty answers that every trace showed as good ones",
    says="status|failed|error",
    needs=(A_CLAUDE_ERROR,),
)
@contextmanager
def swallow_error(_control_run: ControlRun, applied: Callable[[], None]) -> Iterator[None]:
    """Turn every error of Claude into an empty answer that went well."""

    def empty(_error: Exception) -> Any:  # noqa: ANN401  a ChatResult
        from langchain_core.messages import AIMessage  # noqa: PLC0415  LangChain is heavy
        from langchain_core.outputs import ChatGeneration, ChatResult  # noqa: PLC0415  as above

        applied()
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=""))])

    with sending(on_error=empty):
        yield


def answer_twice(case: Case) -> Case | None:
    """Let Claude answer everything twice."""
    if any(answer.error or answer.fault for answer in case.script):
        return None
    return replace(case, script=tuple(replace(each, times=2 * each.times) for each in case.script))


@QUESTION_FAULTS.model(
    "extra-call-answered",
    "The agent asks everything twice, and is answered.",
    source="own: a retry around a client that retries",
    kind="behaviour",
    checks=("baseline",),
    says="call",
    needs=(ONE_CALL, PLAIN_SCRIPT),
    case=answer_twice,
)
@QUESTION_FAULTS.model(
    "extra-call",
    "The agent asks Claude once more than its script answers.",
    source="mlflow.genai.evaluate calls the function twice for the first row",
    kind="behaviour",
    checks=("wire",),
    says="scripted|answer",
    needs=(ONE_CALL, PLAIN_SCRIPT),
)
@contextmanager
def ask_twice(_control_run: ControlRun, applied: Callable[[], None]) -> Iterator[None]:
    """Ask Claude everything twice."""

    def unchanged(messages: list[Any]) -> list[Any]:
        applied()
        return messages

    with asking(unchanged, times=2):
        yield


@QUESTION_FAULTS.model(
    "prompt-grows",
    "A prompt has one sentence more.",
    source="own: a change nobody sees in a review of code",
    kind="behaviour",
    checks=("baseline",),
    says="prompt|token",
    needs=(ONE_CALL,),
)
@contextmanager
def add_sentence(_control_run: ControlRun, applied: Callable[[], None]) -> Iterator[None]:
    """Add a sentence to the first message of every prompt; it is logged as well."""
    with asking(lambda messages: _with_sentence(messages, applied)):
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


def _with_sentence(messages: list[Any], applied: Callable[[], None]) -> list[Any]:
    """Return copies of messages, the first of which says more."""
    first, *others = messages
    applied()
    content = first.content
    more = content + SENTENCE if isinstance(content, str) else [*content, {"type": "text", "text": SENTENCE.strip()}]
    return [first.model_copy(update={"content": more}), *others]
