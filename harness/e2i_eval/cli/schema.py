"""``e2i-eval schema``: the JSON Schema of case files, for editors."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.cli.command import Command

if TYPE_CHECKING:
    import argparse

__all__ = ["SCHEMA"]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--write",
        type=Path,
        metavar="PATH",
        help="write it to a file, e.g. golden/case.schema.json",
    )


def _run(arguments: argparse.Namespace) -> int:
    from e2i_eval.core.errors import UsageError  # noqa: PLC0415  not needed for --help
    from e2i_eval.dataset.case_file.schema import case_schema, write_case_schema  # noqa: PLC0415  defers pydantic

    if arguments.write is None:
        sys.stdout.write(json.dumps(case_schema(), indent=2) + "\n")
        return 0
    try:
        write_case_schema(arguments.write)
    except OSError as error:
        what = f"the schema cannot be written: {error.strerror or error}"
        raise UsageError(what, where=str(arguments.write), fix="name a file in a folder that is there") from error
    print(f"wrote {arguments.write}")  # noqa: T201  a command prints
    return 0


SCHEMA = Command(name="schema", help="print the JSON Schema of case files, for editors", arguments=_arguments, run=_run)
