"""A record of MLflow's evaluation dataset: a golden case as one row of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from e2i_eval.core.case import Expectation
from e2i_eval.core.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from e2i_eval.core.case import Case
    from e2i_eval.core.json_value import JsonObject

__all__ = ["CASE_TAG", "CONTENT_TAG", "DatasetRecord", "content_hash", "record_of"]

CASE_TAG = "e2i_eval.case"
CONTENT_TAG = "e2i_eval.content"
"""Hash of the case file a record was made of: as long as it is the same, the record is not made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRecord:
    """One row.

    Attributes:
        case_id: the case.
        inputs: unique in a dataset, which is why the case's id is in it: goldens of the same inputs differ in what
            Claude answers.
        expectations: what the case expects, without what it leaves open.
        tags: id, target and content hash of the case, and its own tags.
        source: the case file, relative to the project.
    """

    case_id: str
    inputs: JsonObject
    expectations: JsonObject
    tags: Mapping[str, str]
    source: str

    def to_json(self) -> JsonObject:
        """Return the record as MLflow's REST API takes it."""
        return {
            "inputs": dict(self.inputs),
            "expectations": dict(self.expectations),
            "tags": dict(self.tags),
            "source": {"source_type": "CODE", "source_data": {"source_id": self.source}},
        }


def content_hash(file: Path) -> str:
    """Return a hash of a case file.

    Raises:
        OSError: it cannot be read.
    """
    return hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()


def record_of(case: Case, content: str) -> DatasetRecord:
    """Return the record of a case whose file has the hash ``content``."""
    usual = Expectation()
    given = {each.name: getattr(case.expect, each.name) for each in fields(Expectation)}
    said = {
        name: value for name, value in given.items() if value != getattr(usual, name) and not name.startswith("has_")
    }
    if case.expect.has_output:
        said["output"] = case.expect.output
    own = {CASE_TAG: case.id, "e2i_eval.target": case.target, CONTENT_TAG: content}
    return DatasetRecord(
        case_id=case.id,
        inputs={"case": case.id, "target": case.target, "inputs": dict(case.inputs)},
        expectations={name: plain(value) for name, value in said.items()},
        tags={**own, **({"tags": " ".join(case.tags)} if case.tags else {})},
        source=case.path.as_posix() if case.path else case.id,
    )
