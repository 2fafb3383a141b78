"""What ``e2i-eval compare`` does."""

from __future__ import annotations

import json
import math
import os
import string
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.cli.run_finder import RunFinder
from e2i_eval.cli.run_report import LATEST
from e2i_eval.comparing import Comparison, compare_runs, side_of
from e2i_eval.errors import UsageError
from e2i_eval.options import cache_folder, environment, parse_settings, secrets
from e2i_eval.render.masked import masked
from e2i_eval.report_files import write_atomically

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from e2i_eval.report import Report

__all__ = ["compare"]

CODES = {"pass": 0, "fail": 1, "inconclusive": 6}
MOST_RUNS = len(string.ascii_uppercase)
PERCENT = 100.0
NARROWEST = 80


def compare(arguments: argparse.Namespace) -> int:
    """Compare runs, show and write the comparison; return 0, 1 when something is worse, 6 when it cannot be told.

    Raises:
        UsageError: a run cannot be found, or a file not be written.
    """
    tolerance = _tolerance(arguments.tolerance)
    names = [arguments.base, *arguments.heads]
    if len(names) > MOST_RUNS:
        what = f"{len(names)} runs are too many to compare"
        raise UsageError(what, fix=f"name at most {MOST_RUNS}")
    reports = _reports(names, arguments)
    sides = [
        side_of(letter, name, report)
        for letter, name, report in zip(string.ascii_uppercase, names, reports, strict=False)
    ]
    comparison = compare_runs(sides, tolerance=tolerance)
    _write_files(comparison, arguments)
    _show(comparison, arguments)
    return CODES[comparison.status]


def _tolerance(text: str) -> float:
    """Read ``5%`` or ``5`` as 0.05."""
    try:
        percent = float(text.strip().removesuffix("%"))
    except ValueError:
        percent = math.nan
    if not (math.isfinite(percent) and percent >= 0):
        what = f"--tolerance={text} is no share of growth"
        raise UsageError(what, fix="give percent, e.g. --tolerance=5%")
    return percent / PERCENT


def _reports(names: Sequence[str], arguments: argparse.Namespace) -> list[Report]:
    environ = environment()
    reports, server = _places(names, arguments)
    with RunFinder(reports=reports, server=server, cache=cache_folder(environ), environ=environ) as finder:
        found = {name: finder.report(name) for name in dict.fromkeys(names)}
    shown = {name: masked(_outline(report), secrets(environ)) for name, report in found.items()}
    return [shown[name] for name in names]


def _places(names: Sequence[str], arguments: argparse.Namespace) -> tuple[Path, Path | str | None]:
    """Return the folder of the newest report, and the store or server; a project is needed only where they are."""
    chosen: Path | str | None = arguments.tracking_uri or arguments.store
    named = {name for name in names if name == LATEST or not Path(name).exists()}
    if not named or (chosen and LATEST not in named):
        return Path(), chosen
    settings = parse_settings(Path.cwd(), lambda _: None, lambda _: None)
    return settings.report, chosen or settings.store


def _outline(report: Report) -> Report:
    """Leave out what is not compared, prompts above all: it is most of a report, and masking looks at every word."""
    return replace(report, cases=tuple(replace(case, behaviour=None, calls=()) for case in report.cases))


def _write_files(comparison: Comparison, arguments: argparse.Namespace) -> None:
    from e2i_eval.render.comparison_markdown import comparison_markdown  # noqa: PLC0415  only here
    from e2i_eval.render.html import comparison_html  # noqa: PLC0415  defers Jinja

    if arguments.html:
        _write(arguments.html, comparison_html(comparison), "--html")
    if arguments.markdown not in {None, "-"}:
        _write(Path(arguments.markdown), comparison_markdown(comparison), "--markdown")
    if arguments.json:
        _write(arguments.json, json.dumps(comparison.to_json(), indent=2) + "\n", "--json")


def _write(file: Path, text: str, flag: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, text)
    except OSError as error:
        what = f"{flag} {file} cannot be written: {error.strerror or error}"
        raise UsageError(what, fix="choose another file") from error


def _show(comparison: Comparison, arguments: argparse.Namespace) -> None:
    from e2i_eval.render.comparison_lines import comparison_lines  # noqa: PLC0415  defers rich
    from e2i_eval.render.comparison_markdown import comparison_markdown  # noqa: PLC0415  only here

    if arguments.markdown == "-":
        print(comparison_markdown(comparison), end="")  # noqa: T201  a command prints
        return
    is_terminal = sys.stdout.isatty()
    width = os.get_terminal_size().columns if is_terminal else NARROWEST
    for line in comparison_lines(comparison, width=width, color=is_terminal):
        print(line)  # noqa: T201  as above
