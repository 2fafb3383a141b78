"""``e2i-eval ui``: MLflow's own UI on the store of earlier sessions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.cli.command import Command

if TYPE_CHECKING:
    import argparse

__all__ = ["UI"]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store", type=Path, default=Path(".e2i/mlflow"), help="the store's folder (default .e2i/mlflow)"
    )
    parser.add_argument("--port", type=int, default=5000, help="port on the loopback interface (default 5000)")


def _run(arguments: argparse.Namespace) -> int:
    from e2i_eval.runner.config.options import cache_folder, environment  # noqa: PLC0415  not needed for --help
    from e2i_eval.tracking import serve_store  # noqa: PLC0415  not needed for --help

    environ = environment()
    return serve_store(arguments.store, arguments.port, cache=cache_folder(environ), environ=environ)


UI = Command(name="ui", help="open the MLflow UI on the store of earlier sessions", arguments=_arguments, run=_run)
