"""Before recording spends anything, somebody says yes: at a terminal, or by a flag."""

from __future__ import annotations

import os
import pty
import sys
from subprocess import Popen
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.conftest import Project, Upstream

KEY = "sk-ant-a-key-that-must-never-be-written-down"
QUESTION = "record? [y/N] "


def at_terminal(project: Project, answer: str, env: dict[str, str]) -> tuple[int, str]:
    """Record at a terminal, and answer the question once it is asked; return the exit code and the screen."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "--e2i-eval", "--e2i-claude=record"]
    screen = ""
    with Popen(
        command, cwd=project.folder, env=project.environ(env), stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        is_answered = False
        while piece := _read(ours):
            screen += piece
            if QUESTION in screen and not is_answered:
                is_answered = True
                os.write(ours, f"{answer}\n".encode())
    os.close(ours)
    return process.returncode, screen


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 4096).decode(errors="replace")
    except OSError:  # the other side was closed
        return ""


def test_a_terminal_is_asked_with_the_price(project: Project, upstream: Callable[..., Upstream]) -> None:
    """New cases are priced by their script, changed ones by their recording; yes pays, and no answer is a no."""
    server = upstream()
    env = {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": KEY}
    cassette = project.folder / "golden" / "cassettes" / "support" / "refund.json"

    code, screen = at_terminal(project, "y", env)
    assert code == 0, screen
    assert "3 requests not recorded yet; about 0.01 USD, and never more than 0.0" in screen
    assert len(server.asked) == 3
    before = cassette.read_bytes()

    source = project.folder / "shop" / "agents.py"
    source.write_text(source.read_text().replace("Plan the next step.", "Plan one step."))
    code, screen = at_terminal(project, "", env)
    assert code == pytest.ExitCode.INTERRUPTED
    assert "3 of 3 recorded requests changed; about 0.01 USD" in screen
    assert "nothing was sent: the answer was no" in screen
    assert len(server.asked) == 3
    assert cassette.read_bytes() == before


def test_ci_is_never_asked(project: Project, upstream: Callable[..., Upstream]) -> None:
    """The variable that says it is CI is named, and what to type."""
    server = upstream()
    env = {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": KEY, "GITHUB_ACTIONS": "true"}

    refused = project.run("--e2i-claude=record", env=env)

    assert refused.code == pytest.ExitCode.USAGE_ERROR
    assert "the variable GITHUB_ACTIONS says that this is CI" in refused.screen
    assert "--e2i-max-cost=USD" in refused.screen
    assert server.asked == []
