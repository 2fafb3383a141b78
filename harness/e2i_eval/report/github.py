"""What GitHub Actions shows beside the lines of a pull request: one annotation for each thing that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.report.markdown_text import shortened
from e2i_eval.report.wrong_case import wrong_cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.report.wrong_case import WrongCase
    from e2i_eval.runner.report import Report

__all__ = ["annotation_lines"]

MOST = 10
"""GitHub shows no more errors of one step."""

MESSAGE_CHARS = 900
SHOWN_FINDINGS = 3


def annotation_lines(report: Report, *, folder: str = "") -> list[str]:
    """Return workflow commands, in a group, for whatever did not pass; nothing when everything did.

    Args:
        report: of the session.
        folder: the project's folder as seen from the repository's root; empty when it is that.
    """
    errors = [*_of_session(report), *_of_gate(report), *_of_cases(report, folder)]
    if not errors:
        return []
    shown = errors if len(errors) <= MOST else errors[: MOST - 1]
    hidden = len(errors) - len(shown)
    more = [_command("error", "e2i-eval", f"and {hidden:,} more, all of them in report.html")] if hidden else []
    return ["::group::e2i-eval annotations", *shown, *more, "::endgroup::"]


def _of_session(report: Report) -> Iterator[str]:
    for problem in report.problems:
        yield _command("error", "e2i-eval", problem)


def _of_gate(report: Report) -> Iterator[str]:
    levels = {"fail": "error", "inconclusive": "warning"}
    for decision in report.decisions:
        if decision.status in levels:
            text = "\n".join(part for part in (decision.reason, decision.fix) if part)
            yield _command(levels[decision.status], f"{decision.rule} on {decision.target}", text)


def _of_cases(report: Report, folder: str) -> Iterator[str]:
    for wrong in wrong_cases(report):
        level = "warning" if wrong.is_quarantined or wrong.verdict.status == "inconclusive" else "error"
        yield _command(level, wrong.run.case_id, _reasons(wrong), place=_place(wrong.run.where, folder))


def _reasons(case: WrongCase) -> str:
    wrong = [each for each in case.run.verdicts if each.status in {"fail", "error"}]
    lines = [f"{check}: {reason}" for check, reason in case.reasons]
    return "\n".join([*lines, *(finding.message for each in wrong for finding in each.findings[:SHOWN_FINDINGS])])


def _place(where: str, folder: str) -> str:
    file, _, line = where.rpartition(":")
    if not file or not line.isdigit():
        return ""
    path = f"{folder}/{file}" if folder else file
    return f"file={_property(path)},line={line},"


def _command(level: str, title: str, message: str, *, place: str = "") -> str:
    return f"::{level} {place}title={_property(title)}::{_data(shortened(message, MESSAGE_CHARS))}"


def _data(text: str) -> str:
    """Escape a command's message: a line break would end it, and the next line could be a command of its own."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
