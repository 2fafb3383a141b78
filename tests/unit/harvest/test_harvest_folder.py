"""Candidates wait in a folder of their own until a person accepts them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2i_eval.checks.contract import Contract
from e2i_eval.claude.cassette import read_cassette
from e2i_eval.core.errors import UsageError
from e2i_eval.dataset.case_file.reader import read_case
from e2i_eval.dataset.harvest import Candidate, GoldenFolder, Harvest, Harvester, accept

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from e2i_eval.core.trace import Span, Trace


class Kept:
    """Traces that are stored in memory."""

    place = "https://mlflow.example"

    def __init__(self, *traces: Trace) -> None:
        self._traces = traces

    def found(self, query: str, experiments: Collection[str], limit: int) -> Iterator[Trace]:
        """Yield them, newest first."""
        assert not query
        assert not experiments
        yield from self._traces[:limit]

    def named(self, trace_ids: Iterable[str]) -> Iterator[Trace]:
        """Yield those of these ids."""
        known = {each.trace_id: each for each in self._traces}
        yield from (known[each] for each in trace_ids if each in known)


@pytest.fixture
def folder(tmp_path: Path) -> GoldenFolder:
    """A folder for candidates."""
    return GoldenFolder(root=tmp_path / "golden" / "candidates")


def _gather(folder: GoldenFolder, *traces: Trace) -> Harvest:
    source = Kept(*traces)
    harvester = Harvester(source, targets=("support",), contract=lambda _: Contract(), secrets=("hunter2secret",))
    return harvester.gather(folder, query="", experiments=(), limit=500, known=folder.traces())


def test_a_candidate_is_a_case_and_a_cassette(
    folder: GoldenFolder, trace: Callable[..., Trace], model: Callable[..., Span], tmp_path: Path
) -> None:
    """Both are read by what reads goldens; harvested a second time, nothing is written twice."""
    first = _gather(folder, trace(model()))
    again = _gather(folder, trace(model()), trace(model(), trace_id="tr-twin"))
    (written,) = first.written
    case = read_case(written.file, root=tmp_path, known_targets=["support"])

    assert case.id == written.case_id == "support/where-is-my-refund-01234567"
    assert case.script[0].content[0]["name"] == "lookup"
    assert written.cassette is not None
    assert read_cassette(written.cassette, case.id) is not None
    assert (again.known, again.duplicates, again.written) == (1, 1, [])


def test_what_cannot_be_a_candidate_is_counted_by_reason(
    folder: GoldenFolder, trace: Callable[..., Trace], model: Callable[..., Span]
) -> None:
    """Of five traces one is written: none is lost without a word."""
    leak = {"question": "x", "npi": 1234567890}
    found = _gather(
        folder,
        trace(model()),
        trace(model(), trace_id="tr-2"),
        trace(trace_id="tr-3", inputs=leak),
        trace(trace_id="tr-4", tags={"mlflow.traceName": "other"}, state="IN_PROGRESS"),
        trace(trace_id="tr-5", inputs="free text"),
    )
    files = [file.read_text() for file in folder.root.rglob("*.*")]

    assert (found.read, len(found.written), found.duplicates) == (5, 1, 1)
    assert found.refused == {"tr-3": ("national provider identifier",)}
    assert sum(count for count, _ in found.unfit.values()) == 2
    assert not any("1234567890" in text for text in files)


def test_known_secrets_are_replaced_before_anything_is_written(
    folder: GoldenFolder, trace: Callable[..., Trace], model: Callable[..., Span]
) -> None:
    """The value of a variable of the environment is in no file."""
    asked = {
        "model": "m",
        "max_tokens": 9,
        "tools": [{"name": "lookup"}],
        "messages": [
            {"role": "user", "content": "my password is hunter2secret"},
        ],
    }
    found = _gather(folder, trace(model(inputs=asked), inputs={"question": "my password is hunter2secret"}))

    assert len(found.written) == 1
    assert not any("hunter2" in file.read_text() for file in folder.root.rglob("*.*"))


def test_accepted_candidates_move_with_their_cassettes(
    folder: GoldenFolder, trace: Callable[..., Trace], model: Callable[..., Span], tmp_path: Path
) -> None:
    """Nothing of them stays behind; what is a golden already is refused, and then nothing moves."""
    goldens = GoldenFolder(root=tmp_path / "golden")
    (written,) = _gather(folder, trace(model())).written
    moved = accept([written.case_id], candidates=folder, goldens=goldens)

    assert [each.file.exists() for each in moved] == [True]
    assert moved[0].cassette is not None
    assert moved[0].cassette.exists()
    assert not written.file.exists()

    _gather(folder, trace(model(), trace_id="tr-0123456789-other"))
    with pytest.raises(UsageError, match="there is a golden"):
        accept([], candidates=folder, goldens=goldens)
    with pytest.raises(UsageError, match="no candidate 'nonsense'"):
        accept(["nonsense"], candidates=folder, goldens=goldens)


def test_a_candidate_that_makes_no_case_is_not_written(
    folder: GoldenFolder, harvested: Callable[..., Candidate], trace: Callable[..., Trace]
) -> None:
    """A file that nothing can read helps nobody."""
    deep: object = "x"
    for _ in range(70):
        deep = [deep]
    candidate = replace(harvested(trace()), output=deep)

    with pytest.raises(UsageError, match="nested"):
        folder.write(candidate)
    assert not list(folder.root.rglob("*.yaml"))
