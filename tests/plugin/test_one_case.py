"""The page that walks through one case is followed: every function on it is called, in that order."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.plugin.conftest import Project

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "one-case.md"
NAME = re.compile(r"^- `(?P<file>[\w/]+\.py)` `(?P<function>[\w.]+)`: ", re.MULTILINE)
MOST_FILES = 103
"""Of the harness, with functions that run while the only item of a session does: whoever follows a case has to open
them. What a session does once, with its first case, is among them. A change that needs fewer lowers the number."""


@pytest.fixture(scope="module")
def calls(new_project: Callable[[], Project], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The calls of a session with one case, see ``calls_of_a_case``."""
    file = tmp_path_factory.mktemp("calls") / "calls.json"
    environ = {"PYTHONPATH": str(Path(__file__).parent), "CALLS_FILE": str(file)}
    run = new_project().run("-p", "calls_of_a_case", env=environ)
    assert run.code == 0, run.screen
    told: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8"))
    return told


def walked() -> list[str]:
    """Return the functions on the page, in its order."""
    return [f"{found['file']}:{found['function']}" for found in NAME.finditer(PAGE.read_text(encoding="utf-8"))]


def first_astray(names: Sequence[str], called: Sequence[str]) -> str:
    """Return the first name that is not called after the ones before it; empty when there is none."""
    left = iter(called)
    return next((name for name in names if name not in left), "")


def test_the_page_is_the_way_of_a_case(calls: dict[str, list[str]]) -> None:
    """From the file that pytest finds to the result that waits for the report."""
    names = walked()

    assert len(names) == len(re.findall(r"^- ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) > 30
    assert first_astray(names, calls["in_order"]) == ""


def test_a_page_in_another_order_is_noticed(calls: dict[str, list[str]]) -> None:
    """Each function is called after the one above it, not only at some time."""
    backwards = walked()[::-1]

    assert first_astray(backwards, calls["in_order"]) == "plugin/controller.py:Controller.add"


def test_a_case_takes_so_many_files_and_no_more(calls: dict[str, list[str]]) -> None:
    """A file more to open is a step more to understand."""
    files = {name.partition(":")[0] for name in calls["of_items"]}

    assert len(files) <= MOST_FILES, sorted(files)
