"""A pytest plugin for a session in a process of its own: which functions of the harness run, and in which order.

It is started with ``-p calls_of_a_case`` and writes JSON to the file that ``CALLS_FILE`` names.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import e2i_eval

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import FrameType

HARNESS = f"{Path(e2i_eval.__file__).parent}{os.sep}"


class Calls:
    """Calls as ``file:function``: in order those of the main thread, as a set those of any thread while items run."""

    def __init__(self) -> None:
        self.in_order: list[str] = []
        self.of_items: set[str] = set()
        self.is_item_running = False

    def watch(self, frame: FrameType, event: str, _argument: object) -> None:
        """Take note of one call; what a module or a class does while it is imported is none."""
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(HARNESS) or not code.co_flags & inspect.CO_OPTIMIZED:
            return
        name = f"{Path(code.co_filename.removeprefix(HARNESS)).as_posix()}:{code.co_qualname}"
        if threading.current_thread() is threading.main_thread():
            self.in_order.append(name)
        if self.is_item_running:
            self.of_items.add(name)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """Tell an item's own calls from those of collecting and of the session's end."""
        self.is_item_running = True
        try:
            return (yield)
        finally:
            self.is_item_running = False


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch, in threads that start from now on too."""
    calls = Calls()
    config.pluginmanager.register(calls, "calls")
    threading.setprofile(calls.watch)
    sys.setprofile(calls.watch)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop, and write what was seen."""
    sys.setprofile(None)
    threading.setprofile(None)
    calls: Calls | None = config.pluginmanager.get_plugin("calls")
    if calls is not None:
        told = {"in_order": calls.in_order, "of_items": sorted(calls.of_items)}
        Path(os.environ["CALLS_FILE"]).write_text(json.dumps(told), encoding="utf-8")
