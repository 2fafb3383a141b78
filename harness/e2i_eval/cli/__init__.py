"""The command ``e2i-eval``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval import __version__
from e2i_eval.errors import E2iError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

USAGE_ERROR = 4
"""pytest's exit code for a usage error, used here too."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="e2i-eval", description="Looks at what `pytest --e2i-eval` left behind.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"e2i-eval {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    ui = commands.add_parser("ui", help="open the MLflow UI on the store of earlier sessions")
    ui.add_argument("--store", type=Path, default=Path(".e2i/mlflow"), help="the store's folder (default .e2i/mlflow)")
    ui.add_argument("--port", type=int, default=5000, help="port on the loopback interface (default 5000)")
    arguments = parser.parse_args(argv)
    try:
        return _ui(arguments.store, arguments.port)
    except E2iError as error:
        print(f"e2i-eval: {error}", file=sys.stderr)  # noqa: T201  a command prints
        return USAGE_ERROR


def _ui(store: Path, port: int) -> int:
    from e2i_eval.options import cache_folder, environment  # noqa: PLC0415  not needed for --help
    from e2i_eval.tracking import serve_store  # noqa: PLC0415  not needed for --help

    environ = environment()
    return serve_store(store, port, cache=cache_folder(environ), environ=environ)
