"""``e2i-eval compare``: stored runs beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.cli.command import Command

if TYPE_CHECKING:
    import argparse

__all__ = ["COMPARE"]

RUN_HELP = (
    "report.json, a folder with one, the id of a session's MLflow run, a baseline's name, "
    "a git commit, branch or tag (the newest session of it), or 'latest'; "
    "baseline:NAME and git:REV where a name has both meanings"
)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("base", metavar="A", help=f"the run to compare with: {RUN_HELP}")
    parser.add_argument("heads", metavar="B", nargs="+", help="runs to compare with it; of several the best is named")
    parser.add_argument(
        "--tolerance",
        default="0%",
        metavar="PERCENT",
        help="growth of tokens, calls and cost that is allowed, e.g. 5%% (default 0%%)",
    )
    parser.add_argument("--store", type=Path, help="the store that knows MLflow runs (default: the project's)")
    parser.add_argument("--tracking-uri", help="the MLflow server to look them up on")
    parser.add_argument(
        "--markdown", nargs="?", const="-", metavar="FILE", help="write Markdown, to the terminal without FILE"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one self-contained page")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all data")


def _run(arguments: argparse.Namespace) -> int:
    from e2i_eval.cli.compare_work import compare  # noqa: PLC0415  --help would take a second longer

    return compare(arguments)


COMPARE = Command(
    name="compare",
    help="compare stored runs: what is better, what is worse, which is best",
    arguments=_arguments,
    run=_run,
)
