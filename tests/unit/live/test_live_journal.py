"""The journal of a live run: what is found again after a process was killed."""

from __future__ import annotations

import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.case import Case
from e2i_eval.core.errors import UsageError
from e2i_eval.core.evidence import Evidence
from e2i_eval.core.exchange import Caller, Exchange, WireError, WireNote, waited_s
from e2i_eval.core.run import Run
from e2i_eval.core.verdict import Verdict
from e2i_eval.runner.evaluation import Evaluation
from e2i_eval.runner.live import Journal, KeptList, Resuming, case_key, code_state
from e2i_eval.runner.outage import excused, is_outage
from e2i_eval.runner.report import CaseResult
from e2i_eval.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2i_eval.core.exchange import WireNoteKind

NOW_S = 1_700_000_000.0
PASS = Verdict(check="output", status="pass")
FAIL = Verdict(check="output", status="fail")
ERROR = Verdict(check="recording", status="error")
CASE = Case(id="support/one", target="support", inputs={"question": "why?"})


def _result(*verdicts: Verdict, repeat: int = 0) -> CaseResult:
    return CaseResult(
        case_id=CASE.id, target=CASE.target, nodeid="a.yaml::one", where="a.yaml:1", verdicts=verdicts, repeat=repeat
    )


def _reopened(journal: Journal, *, basis: str = "b", now_s: float = NOW_S, is_fresh: bool = False) -> Journal:
    journal.close()
    again = Journal(journal.folder)
    again.open(basis=basis, now_s=now_s, is_fresh=is_fresh)
    return again


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal that was opened for the first time."""
    made = Journal(tmp_path / "live")
    made.open(basis="b", now_s=NOW_S, is_fresh=False)
    yield made
    made.close()


def test_results_are_found_again_and_errors_are_not(journal: Journal) -> None:
    """By key and repetition; what could not be judged is tried again."""
    journal.keep("k", _result(PASS))
    journal.keep("k", _result(FAIL, repeat=1))
    journal.keep("k", _result(ERROR, repeat=2))

    again = _reopened(journal)

    assert again.kept("k", 0) == _result(PASS)
    assert again.kept("k", 1) == _result(FAIL, repeat=1)
    assert again.kept("k", 2) is None
    assert again.kept("another", 0) is None
    again.close()


def test_a_line_that_was_cut_off_costs_that_line_alone(journal: Journal) -> None:
    """A process may die while it writes, and the next one writes on."""
    journal.keep("k", _result(PASS))
    file = journal.folder / "results.jsonl"
    file.write_bytes(file.read_bytes() + b'{"key": "k", "repeat": 1, "resu')
    again = _reopened(journal)
    again.keep("k", _result(PASS, repeat=2))

    last = _reopened(again)

    assert [last.kept("k", repeat) is not None for repeat in range(3)] == [True, False, True]
    assert {stat.S_IMODE(each.stat().st_mode) for each in journal.folder.glob("*.json*")} == {0o600}
    last.close()


@pytest.mark.parametrize(
    ("basis", "now_s", "is_fresh", "reason"),
    [
        ("b", NOW_S, False, ""),
        ("b", NOW_S, True, "--e2i-fresh"),
        ("changed", NOW_S, False, "code, configuration, libraries or the address of the API have changed since"),
        ("b", NOW_S + 90_000, False, "it is more than a day old"),
    ],
)
def test_only_the_same_run_is_gone_on_with(
    journal: Journal,
    basis: str,
    now_s: float,
    is_fresh: bool,  # noqa: FBT001  a parameter of the test
    reason: str,
) -> None:
    """Anything else begins anew, and says why."""
    journal.keep("k", _result(PASS))
    journal.close()
    again = Journal(journal.folder)

    opened = again.open(basis=basis, now_s=now_s, is_fresh=is_fresh)

    assert opened.reason == reason
    assert (again.kept("k", 0) is not None) is (not reason)
    assert opened.results == (0 if reason else 1)
    again.close()


def test_two_runs_do_not_share_a_folder(journal: Journal) -> None:
    """The second is told where to go."""
    with pytest.raises(UsageError, match="another live run uses this report folder") as raised:
        Journal(journal.folder).open(basis="b", now_s=NOW_S, is_fresh=False)

    assert "--e2i-report=DIR" in str(raised.value)


def test_the_key_follows_the_case_file_and_the_code_state_the_code(tmp_path: Path) -> None:
    """Whatever decides a result decides whether it is kept."""
    file = tmp_path / "golden" / "one.yaml"
    code = tmp_path / "shop" / "agents.py"
    for each in (file, code):
        each.parent.mkdir()
        each.write_text("a")
    case = replace(CASE, path=file)
    state = code_state(tmp_path, without=[file.parent])
    key = case_key(case, None)
    assert (key, state) == (case_key(case, None), code_state(tmp_path, without=[file.parent]))

    file.write_text("b")
    assert case_key(case, None) != key
    assert code_state(tmp_path, without=[file.parent]) == state
    code.write_text("b")

    assert code_state(tmp_path, without=[file.parent]) != state


class _Evaluator:
    """Comes to the given results, one after another."""

    def __init__(self, *results: CaseResult, note: WireNoteKind | None = None) -> None:
        self.results = list(results)
        self.notes = (WireNote(kind=note, message="m"),) if note else ()

    def evaluate(
        self, case: Case, nodeid: str, *, repeat: int = 0, planned: int = 0, first: CaseResult | None = None
    ) -> Evaluation:
        del nodeid, repeat, planned, first
        run = Run(output=None, error=None, started_at_s=0.0, duration_s=0.0)
        return Evaluation(result=self.results.pop(0), evidence=Evidence(case=case, run=run, notes=self.notes))


class _Answers:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def begin(self, case_id: str, turn: int) -> None:
        self.told.append((case_id, turn))


def _resuming(journal: Journal, evaluator: _Evaluator, *, needs_evidence: bool = False) -> tuple[Resuming, _Answers]:
    answers = _Answers()
    kept = KeptList(journal.folder)
    resuming = Resuming(
        evaluator,
        journal=journal,
        answers=answers,
        key=lambda case: case.id,
        needs_evidence=lambda _target: needs_evidence,
        clock=ManualClock(),
        on_kept=kept.add,
    )
    return resuming, answers


OUTAGE = Verdict(check="outage", status="error", reason="the API failed")


def test_a_case_the_api_let_down_is_tried_again(journal: Journal) -> None:
    """With the same answers, at most three times, and the result says how often."""
    resuming, answers = _resuming(journal, _Evaluator(_result(OUTAGE), _result(PASS)))

    result = resuming.evaluate(CASE, "n").result

    assert result.status == "pass"
    assert result.measurements == {"outage_retries": 1.0}
    assert answers.told == [(CASE.id, 0), (CASE.id, 0)]
    stubborn, _ = _resuming(journal, _Evaluator(*[_result(OUTAGE)] * 9))
    assert stubborn.evaluate(CASE, "n", repeat=1).result.measurements == {"outage_retries": 2.0}


def test_a_kept_result_is_not_evaluated_again(journal: Journal) -> None:
    """Unless more is made of it than its result, or a limit of money decided it."""
    first, _ = _resuming(journal, _Evaluator(_result(FAIL)))
    first.evaluate(CASE, "n")
    poor, _ = _resuming(journal, _Evaluator(_result(FAIL, repeat=1), note="budget"))
    poor.evaluate(CASE, "n", repeat=1)
    again = _reopened(journal)

    kept = _resuming(again, _Evaluator())[0].evaluate(CASE, "another node")
    anew = _resuming(again, _Evaluator(_result(PASS)), needs_evidence=True)[0].evaluate(CASE, "n")
    richer = _resuming(again, _Evaluator(_result(PASS, repeat=1)))[0].evaluate(CASE, "n", repeat=1)

    assert kept.is_kept
    assert (kept.result.status, kept.result.nodeid) == ("fail", "another node")
    assert (anew.is_kept, richer.is_kept) == (False, False)
    assert KeptList(again.folder).cases() == {CASE.id}
    again.close()


def _exchange(*, call: int = 0, attempt: int = 0, status: int | None = 200, error: str = "") -> Exchange:
    return Exchange(
        index=0,
        call=call,
        attempt=attempt,
        caller=Caller(),
        request={},
        response=None,
        status=status,
        started_at_s=10.0,
        duration_s=1.0,
        error=WireError(type=error, message="") if error else None,
        source="api",
    )


@pytest.mark.parametrize(
    ("exchanges", "verdicts", "expected"),
    [
        ([_exchange(status=429, error="rate_limit_error")], [FAIL, PASS], "error"),
        ([_exchange(status=529, error="overloaded_error")], [PASS], "pass"),
        ([_exchange(status=None, error="ReadError")], [FAIL], "error"),
        ([_exchange(status=200, error="overloaded_error")], [FAIL], "error"),
        ([_exchange(status=None, error="ReadTimeout")], [FAIL], "fail"),
        ([_exchange(status=400, error="invalid_request_error")], [FAIL], "fail"),
        ([_exchange(status=429, error="rate_limit_error"), _exchange(attempt=1)], [FAIL], "fail"),
        ([replace(_exchange(status=429, error="rate_limit_error"), source="script")], [FAIL], "fail"),
        ([_exchange(status=429, error="rate_limit_error")], [Verdict(check="secrets", status="fail")], "fail"),
        ([], [FAIL], "fail"),
    ],
)
def test_only_what_the_api_let_down_is_excused(
    exchanges: list[Exchange], verdicts: list[Verdict], expected: str
) -> None:
    """A call that came through at last, a request the API refuses rightly, and a leaked secret are the target's own."""
    judged = excused(verdicts, exchanges)

    assert _result(*judged).status == expected
    assert is_outage(judged) is (expected == "error")


def test_branches_that_wait_at_the_same_time_wait_once() -> None:
    """The union of the times, not their sum."""
    spans = [(10.0, 2.0), (11.0, 2.0), (20.0, 1.0), (30.0, 0.0)]
    exchanges = [replace(_exchange(), started_at_s=sent, waited_s=waited) for sent, waited in spans]

    assert waited_s(exchanges) == pytest.approx(4.0)
