"""``e2i-eval baseline``: accepts a run as the one to compare with, shows it, compares with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.cli.command import Command

if TYPE_CHECKING:
    import argparse

__all__ = ["BASELINE"]

RUN_HELP = "report.json, a folder with one, the id of a session's MLflow run, or 'latest'"
NAME_HELP = "the baseline's name in golden/baselines, or its file (default main)"


def _arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="word", required=True, metavar="accept|show|diff")
    accept = words.add_parser("accept", help="make a run the baseline", allow_abbrev=False)
    accept.add_argument("accepted", metavar="RUN", help=RUN_HELP)
    accept.add_argument("--reason", required=True, help="why, for those who review the change")
    accept.add_argument("--name", default="main", help="the baseline's name (default main)")
    accept.add_argument("--allow-failures", action="store_true", help="accept failed cases as they are")
    _add_server(accept)
    show = words.add_parser("show", help="show a baseline", allow_abbrev=False)
    show.add_argument("name", nargs="?", default="main", help=NAME_HELP)
    diff = words.add_parser("diff", help="show what a run does differently; exit code 1 if it does", allow_abbrev=False)
    diff.add_argument("name", nargs="?", default="main", help=NAME_HELP)
    diff.add_argument("compared", metavar="RUN", nargs="?", default="latest", help=f"{RUN_HELP} (default)")
    _add_server(diff)


def _add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", type=Path, help="the store that knows MLflow runs (default: the project's)")
    parser.add_argument("--tracking-uri", help="the MLflow server to look them up on")


def _run(arguments: argparse.Namespace) -> int:
    from e2i_eval.cli.baseline_work import accept, diff, show  # noqa: PLC0415  --help would take a second longer

    words = {"accept": accept, "show": show, "diff": diff}
    return words[arguments.word](arguments)


BASELINE = Command(
    name="baseline",
    help="accept a run as the baseline, show it, or show what a run does differently",
    arguments=_arguments,
    run=_run,
)
