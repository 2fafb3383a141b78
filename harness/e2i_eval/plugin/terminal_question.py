"""A question on the terminal in the middle of a pytest session, which otherwise holds the input."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

__all__ = ["asked", "has_terminal", "released_terminal"]


def has_terminal(config: pytest.Config) -> bool:
    """Tell whether somebody can be asked."""
    with released_terminal(config):
        return sys.stdin.isatty() and sys.__stdout__ is not None and sys.__stdout__.isatty()


@contextlib.contextmanager
def released_terminal(config: pytest.Config) -> Iterator[None]:
    """Give input and output back to the terminal for the time of the block."""
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is None:
        yield
        return
    capture.suspend_global_capture(in_=True)
    try:
        yield
    finally:
        capture.resume_global_capture()


def asked(question: str) -> str | None:
    """Return the answer to a question; None when nobody answers any more."""
    try:
        return input(question)
    except EOFError:
        return None
