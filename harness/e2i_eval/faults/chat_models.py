"""Changing what LangChain's chat models are asked, above or below those who listen to them.

What is changed above is logged as it is sent: the agent has changed. What is changed below is not: the log is wrong.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["asking", "sending"]

Messages = list[Any]


@contextmanager
def asking(change: Callable[[Messages], Messages], *, times: int = 1) -> Iterator[None]:
    """Let every chat model be asked with changed messages, ``times`` times over; its last answer counts."""
    from langchain_core.language_models import BaseChatModel  # noqa: PLC0415  LangChain is heavy

    generate, agenerate = BaseChatModel.generate, BaseChatModel.agenerate

    def ask(self: Any, messages: list[Messages], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  passed on as it is
        changed = [change(each) for each in messages]
        return [generate(self, changed, *args, **kwargs) for _ in range(times)][-1]

    async def aask(self: Any, messages: list[Messages], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  as above
        changed = [change(each) for each in messages]
        return [await agenerate(self, changed, *args, **kwargs) for _ in range(times)][-1]

    with _replaced(BaseChatModel, generate=ask, agenerate=aask):
        yield


@contextmanager
def sending(
    change: Callable[[Any, Messages], Messages] | None = None,
    *,
    on_error: Callable[[Exception], Any] | None = None,
    on_answer: Callable[[Any], Any] | None = None,
) -> Iterator[None]:
    """Let every chat model send changed messages, or return ``on_error``'s result where it would raise.

    Args:
        change: from the model and its messages to what is sent.
        on_error: from what was raised to a ``ChatResult``.
        on_answer: from the ``ChatResult`` that came to the one that is handed on; it may raise.
    """
    from langchain_core.language_models import BaseChatModel  # noqa: PLC0415  LangChain is heavy

    send, asend = BaseChatModel._generate_with_cache, BaseChatModel._agenerate_with_cache  # noqa: SLF001  the only place below the callbacks

    def changed(model: Any, messages: Messages) -> Messages:  # noqa: ANN401  a chat model
        return messages if change is None else change(model, messages)

    def answered(result: Any) -> Any:  # noqa: ANN401  a ChatResult
        return result if on_answer is None else on_answer(result)

    def send_changed(self: Any, messages: Messages, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  passed on
        try:
            return answered(send(self, changed(self, messages), *args, **kwargs))
        except Exception as error:
            if on_error is None:
                raise
            return on_error(error)

    async def asend_changed(self: Any, messages: Messages, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  passed on
        try:
            return answered(await asend(self, changed(self, messages), *args, **kwargs))
        except Exception as error:
            if on_error is None:
                raise
            return on_error(error)

    with _replaced(BaseChatModel, _generate_with_cache=send_changed, _agenerate_with_cache=asend_changed):
        yield


@contextmanager
def _replaced(owner: type, **functions: object) -> Iterator[None]:
    before = {name: owner.__dict__[name] for name in functions}
    for name, function in functions.items():
        setattr(owner, name, function)
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(owner, name, function)
