"""The files a session leaves: the report as data, and as whatever texts the renderers make of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from e2i_eval.runner.report import Report

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["REPORT_FILE", "Renderers", "report_texts", "write_atomically", "write_report"]

REPORT_FILE = "report.json"

Renderers: TypeAlias = Mapping[str, Callable[[Report], str]]
"""By file name: how the file's text is made of a report."""


def report_texts(report: Report, renderers: Renderers) -> dict[str, str]:
    """Return the text of every file by its name; one that cannot be made is left out, see ``write_report``."""
    texts = {REPORT_FILE: _as_json(report)}
    for name, render in renderers.items():
        try:
            texts[name] = render(report)
        except Exception:  # noqa: BLE001, S112  ``write_report`` meets the same error and says so
            continue
    return texts


def write_report(folder: Path, report: Report, renderers: Renderers) -> Report:
    """Write every file to ``folder``, each at once or not at all.

    Returns:
        The report, with a problem more for each file that could not be made or written.
        ``report.json`` is written last, so that it can list the others.
    """
    for name, render in renderers.items():
        try:
            write_atomically(folder / name, render(report))
        except Exception as error:  # noqa: BLE001  whatever a template does, the results must still be written
            report = _with(report, f"{name} could not be written: {type(error).__name__}: {error}")
    try:
        write_atomically(folder / REPORT_FILE, _as_json(report))
    except OSError as error:
        report = _with(report, f"the report could not be written: {error}")
    return report


def _as_json(report: Report) -> str:
    return json.dumps(report.to_json(), indent=2) + "\n"


def _with(report: Report, problem: str) -> Report:
    return replace(report, problems=(*report.problems, problem))


def write_atomically(file: Path, text: str) -> None:
    """Write a file whole or not at all; its folder is made.

    Raises:
        OSError: it cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.{os.getpid()}")  # not a tempfile: only its owner could read that
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)
