"""``e2i-eval agree``: one suite in two modes, and where they do not agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.cli.command import Command

if TYPE_CHECKING:
    import argparse

__all__ = ["AGREE"]


def _arguments(parser: argparse.ArgumentParser) -> None:
    modes = "a mode to run the suite in (mock, replay, record, live), or a stored run (report.json, its folder, latest)"
    parser.add_argument("first", metavar="A", help=modes)
    parser.add_argument("second", metavar="B", help="the other one, of the same kind")
    parser.add_argument(
        "--max-cost", metavar="USD", help="what each run in record or live may spend; needed for these modes"
    )
    parser.add_argument(
        "--tokens",
        metavar="PERCENT",
        help="difference of tokens that is allowed (default: not judged with mock, 25%% with live, else 0%%)",
    )
    parser.add_argument("--reports", type=Path, metavar="DIR", help="keep both runs' reports in this folder")
    parser.add_argument("--store", type=Path, help="the store that knows MLflow runs (default: the project's)")
    parser.add_argument("--tracking-uri", help="the MLflow server to look them up on")
    parser.add_argument(
        "--markdown", nargs="?", const="-", metavar="FILE", help="write Markdown, to the terminal without FILE"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all data")


def _run(arguments: argparse.Namespace) -> int:
    from e2i_eval.cli.agree_work import agree  # noqa: PLC0415  --help would take a second longer

    return agree(arguments)


AGREE = Command(
    name="agree",
    help="run a suite in two modes of Claude, or take two stored runs, and report where they disagree; "
    "arguments after -- go to pytest in both runs",
    arguments=_arguments,
    run=_run,
    takes_rest=True,
)
