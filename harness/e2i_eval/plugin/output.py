"""What a session shows beside its table: report files, JUnit properties, GitHub's page, a line of progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.config.options import environment, github, secrets
from e2i_eval.plugin.github_output import GithubOutput
from e2i_eval.plugin.junit_properties import JunitProperties
from e2i_eval.plugin.progress_line import ProgressLine
from e2i_eval.report import markdown_report, masked

if TYPE_CHECKING:
    import pytest

    from e2i_eval.plugin.evaluation import EvaluationPlugin
    from e2i_eval.runner.report import Report
    from e2i_eval.runner.report_files import Renderers

__all__ = ["cleaned", "register_output", "renderers"]


def register_output(config: pytest.Config, evaluation: EvaluationPlugin) -> None:
    """Register the outputs that are wanted here; an xdist worker has properties only."""
    config.pluginmanager.register(JunitProperties(evaluation), "e2i_eval_junit")
    if evaluation.controller is None:
        return
    place = github(environment())
    if place is not None:
        config.pluginmanager.register(GithubOutput(evaluation, place), "e2i_eval_github")
    config.pluginmanager.register(ProgressLine(environment()), "e2i_eval_progress")


def renderers() -> Renderers:
    """Return how the files beside ``report.json`` are made."""
    return {"report.html": _html, "report.md": markdown_report}


def cleaned(report: Report) -> Report:
    """Return a report without the environment's secrets, and without all that looks like a credential."""
    return masked(report, secrets(environment()))


def _html(report: Report) -> str:
    from e2i_eval.report.html import html_report  # noqa: PLC0415  brings in Jinja, which nothing before needs

    return html_report(report)
