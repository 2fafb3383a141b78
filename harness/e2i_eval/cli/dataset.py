"""``e2i-eval dataset``: MLflow's evaluation dataset as a mirror of the goldens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.cli.command import Command

if TYPE_CHECKING:
    import argparse

    from e2i_eval.runner.config.settings import Settings

__all__ = ["DATASET"]


def _arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="word", required=True, metavar="sync")
    sync = words.add_parser("sync", help="make the dataset equal to the goldens", allow_abbrev=False)
    sync.add_argument("--tracking-uri", metavar="URI", help="the server the dataset is on")
    sync.add_argument("--store", type=Path, metavar="PATH", help="or the store (default: the project's)")
    sync.add_argument("--name", help="the dataset's name (default: goldens of <the project's folder>)")
    sync.add_argument("--experiment", default="e2i-eval", help="the experiment it belongs to (default e2i-eval)")


def _run(arguments: argparse.Namespace) -> int:
    from e2i_eval.runner.config.options import cache_folder, environment, parse_settings  # noqa: PLC0415  as above
    from e2i_eval.runner.dataset_sync import dataset_name, mirror  # noqa: PLC0415  not needed for --help
    from e2i_eval.tracking import golden_dataset  # noqa: PLC0415  as above

    settings = parse_settings(Path.cwd(), lambda _: None, lambda _: None)
    name, place, environ = arguments.name or dataset_name(settings), _place(arguments, settings), environment()
    cache = cache_folder(environ)
    with golden_dataset(place, name=name, experiment=arguments.experiment, cache=cache, environ=environ) as dataset:
        made = mirror(dataset, settings)
    change = f"{made.added} added, {made.changed} changed, {made.removed} removed"
    print(f"{name}: {made.records} records, {'nothing changed' if made.is_unchanged else change}")  # noqa: T201  prints
    print(f"dataset {made.dataset_id}, digest {made.digest}")  # noqa: T201  a command prints
    for sentence in made.broken:
        print(sentence)  # noqa: T201  a command prints
    return 1 if made.broken else 0


def _place(arguments: argparse.Namespace, settings: Settings) -> Path | str:
    from e2i_eval.core.errors import UsageError  # noqa: PLC0415  not needed for --help

    place: Path | str | None = arguments.tracking_uri or arguments.store or settings.store
    if place is None:
        what = "this project keeps no store"
        raise UsageError(what, fix="name a server with --tracking-uri=URI, or a store with --store=PATH")
    return place


DATASET = Command(
    name="dataset",
    help="make MLflow's evaluation dataset equal to the goldens",
    arguments=_arguments,
    run=_run,
)
