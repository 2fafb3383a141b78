"""``e2i-eval harvest``: stored traces become candidate cases, and candidates become goldens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.cli.command import Command

if TYPE_CHECKING:
    import argparse

__all__ = ["HARVEST"]

LIMIT = 500


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words",
        metavar="TRACE_ID | accept NAME",
        nargs="*",
        help="ids of traces that show a mistake: each becomes a failing case to fix. Or 'accept' and the ids of "
        "candidates: they become goldens. Nothing: candidates are made of what --filter finds",
    )
    parser.add_argument("--tracking-uri", metavar="URI", help="the server that has the traces")
    parser.add_argument("--store", type=Path, metavar="PATH", help="or the store (default: the project's)")
    parser.add_argument("--filter", default="", metavar="QUERY", help="which traces, in MLflow's search language")
    parser.add_argument(
        "--experiment", action="append", default=[], metavar="NAME", help="only of this experiment; may be repeated"
    )
    parser.add_argument("--target", metavar="NAME", help="the target of traces that do not name it")
    parser.add_argument(
        "--limit", type=int, default=LIMIT, metavar="N", help=f"read at most N traces, the newest (default {LIMIT})"
    )
    parser.add_argument(
        "--sample", type=int, metavar="N", help="write at most N candidates, of each kind of behaviour in turn"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the sample's choice (default 0)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the candidates (default golden/candidates)")
    parser.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="with a trace id: what is right, e.g. answer='On Monday.'; the value is JSON, or a text as it is",
    )
    parser.add_argument("--all", action="store_true", help="with 'accept': every candidate")


def _run(arguments: argparse.Namespace) -> int:
    from e2i_eval.cli.harvest_work import harvest  # noqa: PLC0415  --help would take a second longer

    return harvest(arguments)


HARVEST = Command(
    name="harvest",
    help="make candidate cases with cassettes of stored traces, a failing case of one, or goldens of candidates",
    arguments=_arguments,
    run=_run,
)
