"""The command ``e2i-eval``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from e2i_eval import __version__
from e2i_eval.cli.agree import AGREE
from e2i_eval.cli.baseline import BASELINE
from e2i_eval.cli.calibrate import CALIBRATE
from e2i_eval.cli.compare import COMPARE
from e2i_eval.cli.dataset import DATASET
from e2i_eval.cli.harvest import HARVEST
from e2i_eval.cli.prove import PROVE
from e2i_eval.cli.schema import SCHEMA
from e2i_eval.cli.ui import UI
from e2i_eval.core.errors import E2iError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

USAGE_ERROR = 4
"""pytest's exit code for a usage error, used here too."""

COMMANDS = (UI, BASELINE, COMPARE, AGREE, PROVE, HARVEST, DATASET, CALIBRATE, SCHEMA)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="e2i-eval", description="Looks at what `pytest --e2i-eval` left behind.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"e2i-eval {__version__}")
    words = parser.add_subparsers(dest="command", required=True, metavar="command")
    for command in COMMANDS:
        own = words.add_parser(command.name, help=command.help, description=command.help, allow_abbrev=False)
        command.arguments(own)
        own.set_defaults(run=command.run, takes_rest=command.takes_rest)
    words_given = list(sys.argv[1:] if argv is None else argv)
    rest_at = words_given.index("--") if "--" in words_given else len(words_given)
    arguments = parser.parse_args(words_given[:rest_at])
    arguments.rest = words_given[rest_at + 1 :]
    if arguments.rest and not arguments.takes_rest:
        parser.error(f"{arguments.command} takes nothing behind --: {' '.join(arguments.rest)}")
    try:
        code: int = arguments.run(arguments)
    except E2iError as error:
        print(f"e2i-eval: {error}", file=sys.stderr)  # noqa: T201  a command prints
        return USAGE_ERROR
    return code
