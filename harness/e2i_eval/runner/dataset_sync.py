"""The mirror: all goldens of a project into one evaluation dataset, whatever part of them was run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from e2i_eval.core.errors import UsageError
from e2i_eval.dataset.case_file.files import case_files, case_id_of
from e2i_eval.dataset.case_file.reader import read_case
from e2i_eval.dataset.record import content_hash, record_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from e2i_eval.dataset.record import DatasetRecord
    from e2i_eval.runner.config.settings import Settings

__all__ = ["Dataset", "Mirrored", "dataset_name", "mirror"]


class Dataset(Protocol):
    """An evaluation dataset on a tracking server."""

    def known(self) -> Mapping[str, str]:
        """Return the content hash of each record, by case id."""

    def change(self, *, put: Sequence[DatasetRecord], remove: Sequence[str]) -> tuple[str, str]:
        """Put records in the place of those of the same case, remove others; return the dataset's id and digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """What making a dataset equal to the goldens came to.

    Attributes:
        dataset_id: the server's id.
        digest: MLflow's digest of it; the same as long as nothing changes.
        records: how many it has now.
        added: cases that are new.
        changed: cases whose file changed.
        removed: records whose case is gone, or can no longer be read.
        broken: a sentence for each case file that cannot be read.
    """

    dataset_id: str
    digest: str
    records: int
    added: int = 0
    changed: int = 0
    removed: int = 0
    broken: tuple[str, ...] = ()

    @property
    def is_unchanged(self) -> bool:
        """Nothing was written."""
        return not (self.added or self.changed or self.removed)


def dataset_name(settings: Settings) -> str:
    """Return the name of a project's dataset."""
    return f"goldens of {settings.root.name}".replace("'", "")


def mirror(dataset: Dataset, settings: Settings) -> Mirrored:
    """Make ``dataset`` equal to the goldens; a second time in a row reads no case and writes nothing.

    Only what is new or changed is read: the hashes in the records show the rest. A file with a mistake in it is in no
    dataset, and its old record goes: it says what no golden says any more.

    Raises:
        UsageError: a file cannot be read.
        UnknownError: the server did not answer, or keeps no datasets.
    """
    files = _files(settings)
    known = dataset.known()
    broken: dict[str, str] = {}
    put: list[DatasetRecord] = []
    for case_id, (file, content) in files.items():
        if known.get(case_id) == content:
            continue
        try:
            put.append(record_of(read_case(file, root=settings.root, known_targets=settings.targets), content))
        except UsageError as error:
            broken[case_id] = f"{case_id} is not in the dataset: {error.what}"
    removed = [case_id for case_id in known if case_id not in files or case_id in broken]
    dataset_id, digest = dataset.change(put=put, remove=removed)
    changed = sum(record.case_id in known for record in put)
    return Mirrored(
        dataset_id=dataset_id,
        digest=digest,
        records=len(files) - len(broken),
        added=len(put) - changed,
        changed=changed,
        removed=len(removed),
        broken=tuple(broken.values()),
    )


def _files(settings: Settings) -> dict[str, tuple[Path, str]]:
    """Return file and content hash of every golden, by case id."""
    try:
        return {case_id_of(file, settings.cases): (file, content_hash(file)) for file in case_files(settings.cases)}
    except OSError as error:
        what = f"a case file cannot be read: {error}"
        raise UsageError(what, where=str(settings.cases)) from error
