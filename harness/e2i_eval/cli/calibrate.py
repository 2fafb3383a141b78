"""``e2i-eval calibrate``: compares judges with people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.cli.command import Command

if TYPE_CHECKING:
    import argparse

__all__ = ["CALIBRATE"]


def _arguments(parser: argparse.ArgumentParser) -> None:
    run = "report.json, a folder with one, the id of a session's MLflow run, or 'latest' (default)"
    parser.add_argument("report", metavar="REPORT", nargs="?", default="latest", help=run)
    accept = "save the result beside the labels: later runs decide by it whether to trust a judge"
    parser.add_argument("--accept", action="store_true", help=accept)
    parser.add_argument("--store", type=Path, help="the store that knows MLflow runs (default: the project's)")
    parser.add_argument("--tracking-uri", help="the MLflow server to look them up on")


def _run(arguments: argparse.Namespace) -> int:
    from e2i_eval.cli.calibrate_work import calibrate_judges  # noqa: PLC0415  --help would take a second longer

    return calibrate_judges(arguments)


CALIBRATE = Command(
    name="calibrate",
    help="show how far the judges of a run agree with people's labels; exit code 1 if one is not calibrated",
    arguments=_arguments,
    run=_run,
)
