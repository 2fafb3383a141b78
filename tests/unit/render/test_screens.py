"""What people see, kept whole: the summary of a session, the report for a pull request, and what is typed wrong.

``pytest tests/unit --snapshot-update`` accepts new screens; the files in ``__snapshots__`` are what a reviewer reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.cli import main
from e2i_eval.core.errors import UsageError
from e2i_eval.core.estimate import Estimate
from e2i_eval.core.stats.repeats import CaseVerdict
from e2i_eval.dataset.case_file.reader import read_case
from e2i_eval.faults.proof import Control, InjectionResult, Trial, trial_line, verdict_lines
from e2i_eval.faults.proof.lines import HEADER
from e2i_eval.gate.rules.rulebook import parse_rules
from e2i_eval.report import failure_lines, markdown_report, summary_lines
from e2i_eval.runner.config.settings import read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from syrupy.assertion import SnapshotAssertion
    from tests.unit.render.conftest import Maker

    from e2i_eval.runner.report import Report


def passing(make: Maker) -> Report:
    """Return a session in which all is well."""
    decisions = (make.decision(), make.decision(rule="claude_calls:+0%", metric="claude_calls", detectable=""))
    return make.report(make.case("rag/one"), make.case("support/refund"), decisions=decisions)


def failing(make: Maker) -> Report:
    """Return a session with a case of each kind, and a gate with a rule of each kind."""
    return make.report(
        make.case("support/refund", "fail", words="1 of 26 fields differs"),
        make.case("support/thanks", "error", words="the trace could not be read"),
        make.case("support/known", "fail", quarantine="until 2026-12-24: the retriever is being replaced"),
        make.case("rag/one"),
        problems=("golden/x.yaml::x has no result: worker gw1 crashed",),
        decisions=(
            make.decision("fail"),
            make.decision("inconclusive", rule="pass_rate:-0%", metric="pass_rate", reason="9 cases are too few"),
            make.decision(target="rag"),
        ),
        notes=("spent 0.0092 USD on Claude, of --e2i-max-cost=1",),
    )


def repeated(make: Maker) -> Report:
    """Return a live session in which one case passes, one fails and one is open."""
    rate = Estimate(value=0.6, low=0.36, high=0.8, confidence=0.95, method="Wilson")
    verdicts = (
        CaseVerdict(case_id="rag/one", target="rag", nodeid="a", status="pass", repeats=3, planned=10, passed=3),
        CaseVerdict(
            case_id="rag/two",
            target="rag",
            nodeid="b",
            status="inconclusive",
            reason="6 of 10 repetitions passed, which leaves mean:0.9 open",
            repeats=10,
            planned=10,
            passed=6,
            failed=4,
            reduce="mean:0.9",
            pass_rate=rate,
            detectable_rate=0.55,
            more=12,
            cost_to_resolve_usd=0.0312,
            fix="pytest --e2i-eval --e2i-repeat=22 -k rag/two",
        ),
        CaseVerdict(
            case_id="rag/three",
            target="rag",
            nodeid="c",
            status="fail",
            reason="1 of 5 repetitions passed",
            repeats=5,
            planned=10,
            passed=1,
            failed=4,
        ),
    )
    session = {**make.session, "claude": "live"}
    return make.report(make.case("rag/one"), make.case("rag/two", "fail"), repeated=verdicts, session=session)


def timed(make: Maker) -> Report:
    """Return a session that measured overhead and latency."""
    return make.report(
        make.case("support/refund"),
        overheads=(
            make.overhead(),
            make.overhead(0.9, callers="8 threads", differences=("root['output']: changed", "1 of 8 traces is lost")),
        ),
        latency=(
            make.shift(),
            make.shift(0.1, part="claude", status="pass", head_ms=40.1),
            make.shift(4.0, part="logging", status="inconclusive", reason="20 pairs are too few", head_ms=44.0),
        ),
    )


def proof() -> InjectionResult:
    """Return what came of four faults: one of each outcome."""
    known = {"target": "support", "case_id": "support/refund", "expected": ("logging",)}
    return InjectionResult(
        trials=(
            Trial(fault="span-lost", kind="missing", outcome="caught", caught_by=("logging",), **known),  # type: ignore[arg-type]
            Trial(fault="tokens-halved", kind="wrong value", outcome="survived", reason="all checks pass", **known),  # type: ignore[arg-type]
            Trial(
                fault="trace-doubled",
                kind="duplicate",
                outcome="caught elsewhere",
                caught_by=("trace",),
                reason="2 traces for 1 call",
                **known,  # type: ignore[arg-type]
            ),
            Trial(
                fault="tool-lost",
                kind="missing",
                outcome="not covered",
                expected=("logging",),
                reason="no case has a tool call",
            ),
        ),
        controls=(
            Control(case_id="support/refund"),
            Control(case_id="support/thanks", alarms=("values",), reason="0.4 is not 0.5", after="span-lost"),
        ),
        kill_rate=Estimate(value=0.667, low=0.208, high=0.939, confidence=0.95, method="Wilson"),
        duration_s=12.0,
    )


SESSIONS = {"passing": passing, "failing": failing, "repeated": repeated, "timed": timed}


@pytest.mark.parametrize("session", SESSIONS)
def test_the_summary_of_a_session(make: Maker, session: str, screen: SnapshotAssertion) -> None:
    """The end of what pytest prints."""
    assert "\n".join(summary_lines(SESSIONS[session](make), color=False)) + "\n" == screen


def test_colours_follow_the_verdict(make: Maker, screen: SnapshotAssertion) -> None:
    """Red, yellow and green, nothing else."""
    assert "\n".join(summary_lines(failing(make), color=True)).replace("\x1b", "<esc>") + "\n" == screen


@pytest.mark.parametrize("session", SESSIONS)
def test_the_report_for_a_pull_request(make: Maker, session: str, comment: SnapshotAssertion) -> None:
    """``report.md``."""
    assert markdown_report(SESSIONS[session](make)) == comment


def test_why_a_case_failed(make: Maker, screen: SnapshotAssertion) -> None:
    """What pytest shows of a failed item."""
    assert "\n".join(failure_lines(failing(make).cases[0])) + "\n" == screen


def test_what_prove_prints(screen: SnapshotAssertion) -> None:
    """A row a trial, then what they come to."""
    found = proof()

    assert "\n".join([HEADER, *map(trial_line, found.trials), "", *verdict_lines(found)]) + "\n" == screen


PROJECT = '[tool.e2i_eval.targets.support]\nentry = "shop:build"\n'
CASE = "schema: 1\ninputs: {question: Hello}\nexpct: {output: {answer: Hi}}\n"


def _unknown_target(root: Path) -> None:
    read_settings(root, {"target": ["suport"]}, cache=root, invocation=root)


def _no_project(root: Path) -> None:
    read_settings(root / "elsewhere", {}, cache=root, invocation=root)


def _unknown_key(root: Path) -> None:
    file = root / "golden" / "cases" / "support" / "refund.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(CASE)
    read_case(file, root=root, known_targets=("support",))


def _unknown_metric(root: Path) -> None:
    settings = read_settings(root, {}, cache=root, invocation=root)
    parse_rules(("input_token:+0%",), where="--e2i-gate", targets=settings.targets)


MISTAKES = {
    "an unknown target": _unknown_target,
    "no project": _no_project,
    "an unknown key of a case": _unknown_key,
    "an unknown metric of the gate": _unknown_metric,
}
COMMANDS = {
    "no report": ("compare", "latest", "latest"),
    "no such run": ("compare", "yesterday", "yesterday"),
    "no baseline": ("baseline", "show"),
    "no reason": ("baseline", "accept", "latest", "--reason", " "),
    "no labels": ("calibrate",),
    "no limit of cost": ("agree", "mock", "live"),
    "a mode and a run": ("agree", "mock", "latest"),
    "no percent": ("compare", "a", "b", "--tolerance", "much"),
    "an unknown fault": ("prove", "--fault", "span-lots"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_project(mistake: str, tmp_path: Path, screen: SnapshotAssertion) -> None:
    """What is wrong, where, and what to type."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)

    with pytest.raises(UsageError) as caught:
        MISTAKES[mistake](tmp_path)

    assert f"{caught.value}\n".replace(str(tmp_path), ".") == screen


@pytest.mark.parametrize("command", COMMANDS)
def test_a_mistake_in_a_command(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    screen: SnapshotAssertion,
) -> None:
    """Exit code 4, and on the error stream what is wrong and what to type."""
    for variable in ("CI", "GITHUB_ACTIONS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(PROJECT)

    assert main(COMMANDS[command]) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert f"$ e2i-eval {' '.join(COMMANDS[command])}\n{said.err}".replace(str(tmp_path), ".") == screen
