"""The live run: what is left of its journal at the end, and what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.clock import SystemClock
from e2i_eval.core.prices import PriceTable
from e2i_eval.core.verdict import Verdict
from e2i_eval.plugin.live_run import LiveRun
from e2i_eval.runner.config.settings import read_settings
from e2i_eval.runner.live import KeptList
from e2i_eval.runner.report import CaseResult

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = '[tool.e2i_eval.targets.support]\nentry = "shop:build"\n'
PASSED = CaseResult(case_id="support/one", target="support", nodeid="n", where="w", verdicts=())
LET_DOWN = CaseResult(
    case_id="support/one",
    target="support",
    nodeid="n",
    where="w",
    verdicts=(Verdict(check="outage", status="error", reason="the API failed"),),
)


def _run(root: Path, address: str = "a", **chosen: object) -> LiveRun:
    (root / "pyproject.toml").write_text(PROJECT)
    settings = read_settings(root, {"claude": "live", **chosen}, cache=root, invocation=root)
    return LiveRun(settings, prices=PriceTable.load(None), environ={"ANTHROPIC_BASE_URL": address}, clock=SystemClock())


def _finish(run: LiveRun, root: Path, result: CaseResult = PASSED, *, is_partial: bool, is_narrowed: bool) -> list[str]:
    notes = run.finish([result], scratch=root / ".e2i", is_partial=is_partial, is_narrowed=is_narrowed)
    run.close()
    return notes


@pytest.mark.parametrize(
    ("result", "is_partial", "said"),
    [
        (PASSED, False, ""),
        (PASSED, True, "the run is not complete: what is paid for is kept, the same command runs what is missing"),
        (LET_DOWN, False, "the API failed in 1 cases: the same command runs what is missing alone"),
    ],
)
def test_the_journal_stays_as_long_as_something_is_missing(
    tmp_path: Path,
    result: CaseResult,
    is_partial: bool,  # noqa: FBT001  a parameter of the test
    said: str,
) -> None:
    """And the next run says that it goes on."""
    run = _run(tmp_path)
    assert run.header() == []

    notes = _finish(run, tmp_path, result, is_partial=is_partial, is_narrowed=False)

    assert notes == ([said] if said else [])
    assert run.folder.exists() is bool(said)
    again = _run(tmp_path)
    assert bool(again.header()) is bool(said)
    again.close()


def test_a_narrower_run_leaves_the_journal_to_the_whole_one(tmp_path: Path) -> None:
    """It says what it took; one that began by itself leaves nothing."""
    _finish(_run(tmp_path), tmp_path, is_partial=True, is_narrowed=False)
    KeptList(tmp_path / ".e2i").add("support/one")

    notes = _finish(_run(tmp_path), tmp_path, is_partial=False, is_narrowed=True)

    assert "resumed: 1 of 1 cases kept from the run of" in notes[0]
    assert notes[0].endswith("0.00 USD already spent; --e2i-fresh starts anew")
    assert (tmp_path / ".e2i" / "live").exists()
    _finish(_run(tmp_path, fresh=True), tmp_path, is_partial=False, is_narrowed=True)
    assert not (tmp_path / ".e2i" / "live").exists()


def test_another_address_is_another_run(tmp_path: Path) -> None:
    """What one API said is no answer of another."""
    _finish(_run(tmp_path), tmp_path, is_partial=True, is_narrowed=False)

    other = _run(tmp_path, address="b")

    (line,) = other.header()
    assert line.startswith("e2i-eval: the interrupted run is not resumed: code, configuration, libraries or the")
    other.close()
