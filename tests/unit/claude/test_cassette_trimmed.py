"""What nobody asks for goes from a cassette, and a cassette goes with its case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.claude.cassette import Cassette, CassetteEntry, Scrub, cassette_path, read_cassette, write_cassette
from e2i_eval.claude.cassette.trimmed import orphans, trimmed
from e2i_eval.claude.cassette_session import CassetteSession

if TYPE_CHECKING:
    from pathlib import Path

CASE = "support/refund"


def cassette() -> Cassette:
    """Return a cassette of three entries."""
    entries = (
        CassetteEntry(request={"model": "m", "messages": [{"role": "user", "content": str(at)}]}) for at in range(3)
    )
    return Cassette(case_id=CASE, recorded="2026-11-23", entries=tuple(entries))


def test_entries_nobody_asked_for_go(tmp_path: Path) -> None:
    """By their positions, which a reel tells; when none is left, so does the file."""
    path = cassette_path(tmp_path, CASE)
    write_cassette(path, cassette(), Scrub(()))
    cassette_session = CassetteSession(CASE, read_cassette(path, CASE), scrub=Scrub(()), takes_down=False)

    left = trimmed(tmp_path, CASE, (0, 2))

    assert cassette_session.unreached_at == (0, 1, 2)
    assert left is not None
    path.write_bytes(left)
    assert read_cassette(path, CASE) == Cassette(case_id=CASE, recorded="2026-11-23", entries=cassette().entries[1:2])
    assert trimmed(tmp_path, CASE, (0,)) is None
    assert trimmed(tmp_path, "support/none", (0,)) is None


def test_cassettes_without_a_case_are_found(tmp_path: Path) -> None:
    """By the path that a case's cassette has."""
    for case_id in (CASE, "support/gone", "rag/one"):
        cassette_path(tmp_path, case_id).parent.mkdir(exist_ok=True)
        cassette_path(tmp_path, case_id).write_text("{}")

    assert orphans(tmp_path, {CASE, "rag/one", "rag/new"}) == (cassette_path(tmp_path, "support/gone"),)
