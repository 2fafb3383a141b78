"""A cassette without what nobody asks for, and cassettes of cases that are gone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from e2i_eval.claude.cassette.file import cassette_path, cassette_text, read_cassette

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

__all__ = ["orphans", "trimmed"]


def trimmed(folder: Path, case_id: str, unplayed: Collection[int]) -> bytes | None:
    """Return the file of a case's cassette without some entries; None when none is left.

    Args:
        folder: the folder with one sub-folder of cassettes a target.
        case_id: the case.
        unplayed: positions of the entries that go.

    Raises:
        CassetteError: the cassette cannot be read.
    """
    cassette = read_cassette(cassette_path(folder, case_id), case_id)
    if cassette is None:
        return None
    kept = tuple(entry for at, entry in enumerate(cassette.entries) if at not in unplayed)
    return cassette_text(replace(cassette, entries=kept)).encode() if kept else None


def orphans(folder: Path, case_ids: Collection[str]) -> tuple[Path, ...]:
    """Return the cassettes that belong to none of the cases, by path."""
    known = {cassette_path(folder, case_id) for case_id in case_ids}
    return tuple(sorted(path for path in folder.rglob("*.json") if path not in known))
