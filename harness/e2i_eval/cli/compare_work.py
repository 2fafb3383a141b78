"""The work of ``e2i-eval compare``."""

from __future__ import annotations

import json
import string
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.cli.percent import share
from e2i_eval.cli.result_file import result_file
from e2i_eval.cli.run_finder import RunFinder
from e2i_eval.cli.run_report import LATEST
from e2i_eval.core.errors import UsageError
from e2i_eval.gate.compare import RunComparison, compare_runs, side_of
from e2i_eval.report.masked import masked
from e2i_eval.runner.config.options import cache_folder, environment, parse_settings, secrets

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from e2i_eval.runner.report import Report

__all__ = ["compare"]

CODES = {"pass": 0, "fail": 1, "inconclusive": 6}
MOST_RUNS = len(string.ascii_uppercase)


def compare(arguments: argparse.Namespace) -> int:
    """Compare runs, show and write the comparison; return 0, 1 when something is worse, 6 when it cannot be decided.

    Raises:
        UsageError: a run cannot be found, or a file not be written.
    """
    tolerance = share("--tolerance", arguments.tolerance, example="5%")
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


def _write_files(comparison: RunComparison, arguments: argparse.Namespace) -> None:
    from e2i_eval.report.comparison import comparison_markdown  # noqa: PLC0415  defers rich
    from e2i_eval.report.html import comparison_html  # noqa: PLC0415  defers Jinja

    if page := result_file("--html", arguments.html):
        page.write(comparison_html(comparison))
    if text := result_file("--markdown", arguments.markdown):
        text.write(comparison_markdown(comparison))
    if data := result_file("--json", arguments.json):
        data.write(json.dumps(comparison.to_json(), indent=2) + "\n")


def _show(comparison: RunComparison, arguments: argparse.Namespace) -> None:
    from e2i_eval.report.comparison import comparison_lines, comparison_markdown  # noqa: PLC0415  defers rich

    if arguments.markdown == "-":
        print(comparison_markdown(comparison), end="")  # noqa: T201  a command prints
        return
    for line in comparison_lines(comparison, color=sys.stdout.isatty()):
        print(line)  # noqa: T201  as above
