"""Hearing a graph wherever it runs: for a target that calls one and is none itself."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextvars import ContextVar

    from langchain_core.callbacks import BaseCallbackHandler

__all__ = ["heard_everywhere"]


@contextmanager
def heard_everywhere(handler: BaseCallbackHandler) -> Iterator[None]:
    """Add ``handler`` to every run of LangChain in the block, whoever starts it and with whatever callbacks."""
    everywhere = _everywhere()
    everywhere.handler = handler
    try:
        yield
    finally:
        everywhere.handler = None


class _Everywhere:
    """What LangChain asks for a handler at the start of each run.

    It wants a ``ContextVar``, of which it calls ``get`` alone. A real one would not be seen by a graph that the target
    runs in a thread or on an event loop of its own; and targets are called one at a time.
    """

    def __init__(self) -> None:
        self.handler: BaseCallbackHandler | None = None

    def get(self) -> BaseCallbackHandler | None:
        return self.handler


@cache
def _everywhere() -> _Everywhere:
    """Register with LangChain, once a process: what is registered there stays."""
    from langchain_core.tracers.context import register_configure_hook  # noqa: PLC0415  LangChain is heavy

    everywhere = _Everywhere()
    register_configure_hook(cast("ContextVar[Any]", everywhere), inheritable=True)
    return everywhere
