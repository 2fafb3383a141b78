"""The work of ``e2i-eval agree``."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.cli.mode_run import MODES, PAID, run_mode
from e2i_eval.cli.percent import share
from e2i_eval.cli.result_file import result_file
from e2i_eval.cli.run_report import LATEST, find_report
from e2i_eval.core.errors import UsageError
from e2i_eval.core.redaction import PATTERNS, mask
from e2i_eval.gate.agreement import agreement_of
from e2i_eval.report.agreement import agreement_lines, agreement_markdown
from e2i_eval.runner.config.options import cache_folder, environment, parse_settings, secrets

if TYPE_CHECKING:
    import argparse

    from e2i_eval.gate.agreement import Agreement
    from e2i_eval.runner.report import Report

__all__ = ["agree"]


def agree(arguments: argparse.Namespace) -> int:
    """Compare two modes, or two stored runs; return 0 when they agree, 1 when they do not.

    Raises:
        UsageError: what was asked for cannot be run or found, or would spend money without a limit.
    """
    tolerance = None
    if arguments.tokens is not None:
        tolerance = share("--tokens", arguments.tokens, example="10%")
    names = arguments.first, arguments.second
    modes = [name in MODES for name in names]
    if modes[0] != modes[1]:
        mode, run = names if modes[0] else reversed(names)
        what = f"{mode!r} is a mode and {run!r} is a stored run"
        raise UsageError(what, fix=f"name two modes ({', '.join(MODES)}) or two runs")
    files = markdown, data = result_file("--markdown", arguments.markdown), result_file("--json", arguments.json)
    for file in filter(None, files):
        file.refuse_unwritable()
    first, second = _run_both(arguments) if modes[0] else _find_both(arguments)
    agreement = _masked(agreement_of(first, second, tolerance=tolerance))
    if markdown:
        markdown.write(agreement_markdown(agreement))
    if data:
        data.write(json.dumps(agreement.to_json(), indent=2) + "\n")
    _show(agreement, arguments)
    return 0 if agreement.agrees else 1


def _run_both(arguments: argparse.Namespace) -> tuple[Report, Report]:
    """Run the suite twice, one mode after the other."""
    modes: tuple[str, str] = (arguments.first, arguments.second)
    paid = [mode for mode in modes if mode in PAID]
    if paid and arguments.max_cost is None:
        what = f"{paid[0]} may spend money, and no limit was given"
        raise UsageError(what, fix="add --max-cost=USD, e.g. --max-cost=1")
    if arguments.max_cost is not None and not paid:
        what = f"--max-cost={arguments.max_cost} has no effect: {modes[0]} and {modes[1]} spend nothing"
        raise UsageError(what, fix="leave it out")
    with tempfile.TemporaryDirectory(prefix="e2i-eval-agree-") as temporary:
        folder = (arguments.reports or Path(temporary)).resolve()
        reports: list[Report] = []
        for place, mode in enumerate(modes, 1):
            print(f"running in {mode} ...", file=sys.stderr, flush=True)  # noqa: T201  it takes minutes
            own = folder / f"{place}-{mode}"
            (own / "report.json").unlink(missing_ok=True)
            reports.append(run_mode(mode, own, max_cost=arguments.max_cost, args=arguments.rest))
    return reports[0], reports[1]


def _find_both(arguments: argparse.Namespace) -> tuple[Report, Report]:
    """Find two stored runs."""
    if arguments.rest:
        what = f"pytest is not run for stored runs, so {' '.join(arguments.rest)!r} has no effect"
        raise UsageError(what, fix=f"name two modes ({', '.join(MODES)}), or leave that out")
    if arguments.max_cost is not None:
        what = f"--max-cost={arguments.max_cost} has no effect: stored runs spend nothing"
        raise UsageError(what, fix="leave it out")
    environ = environment()
    names: tuple[str, str] = (arguments.first, arguments.second)
    reports, server = Path(), arguments.tracking_uri or arguments.store
    if LATEST in names or not all(Path(name).exists() for name in names):
        settings = parse_settings(Path.cwd(), lambda _: None, lambda _: None)
        reports, server = settings.report, server or settings.store
    first, second = (
        find_report(name, reports=reports, server=server, cache=cache_folder(environ), environ=environ)
        for name in names
    )
    return first, second


def _masked(agreement: Agreement) -> Agreement:
    """Return it without secrets: a stored report may be older than what is secret now."""
    hide = mask(secrets(environment()), PATTERNS)
    cases = tuple(
        replace(
            case,
            disagreements=tuple(
                replace(
                    each, place=hide(each.place), first=hide(each.first), second=hide(each.second), text=hide(each.text)
                )
                for each in case.disagreements
            ),
        )
        for case in agreement.cases
    )
    return replace(agreement, cases=cases)


def _show(agreement: Agreement, arguments: argparse.Namespace) -> None:
    if arguments.markdown == "-":
        print(agreement_markdown(agreement), end="")  # noqa: T201  a command prints
        return
    print("\n".join(agreement_lines(agreement)))  # noqa: T201  as above
