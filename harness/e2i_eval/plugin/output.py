"""What a session shows beside its table: GitHub's page, a line of progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.plugin.github_output import GithubOutput
from e2i_eval.plugin.progress_line import ProgressLine
from e2i_eval.runner.config.options import environment, github

if TYPE_CHECKING:
    import pytest

    from e2i_eval.plugin.state import SessionState

__all__ = ["register_output"]


def register_output(config: pytest.Config, state: SessionState) -> None:
    """Register the outputs that are wanted here; an xdist worker has none."""
    if state.controller is None:
        return
    place = github(environment())
    if place is not None:
        config.pluginmanager.register(GithubOutput(state, place), "e2i_eval_github")
    config.pluginmanager.register(ProgressLine(environment()), "e2i_eval_progress")
