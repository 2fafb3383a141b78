"""``e2i-eval baseline`` on a project with a report, without a server."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2i_eval.cli import main
from e2i_eval.core.verdict import Verdict

if TYPE_CHECKING:
    from e2i_eval.runner.report import Report

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "baselines.md"
PROJECT = '[tool.e2i_eval.targets.support]\nentry = "shop.agents:build_support"\n'


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: Report) -> Path:
    """Stand in a project with two cases and the report of a run of both."""
    for variable in ("CI", "GITHUB_ACTIONS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    for name in ("refund", "thanks"):
        file = tmp_path / "golden" / "cases" / "support" / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    _save(tmp_path, report)
    return tmp_path


def _save(project: Path, report: Report) -> None:
    (project / ".e2i").mkdir(exist_ok=True)
    (project / ".e2i" / "report.json").write_text(json.dumps(report.to_json()))


def _accept(*args: str) -> int:
    return main(["baseline", "accept", "latest", "--reason", "first", *args])


def test_a_run_is_accepted_shown_and_compared(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole life of a baseline, by every name a run has."""
    assert _accept() == 0
    said = capsys.readouterr().out
    assert "the first baseline named main" in said
    assert "accepted: golden/baselines/main.json (2 cases)" in said
    assert "no MLflow run is tagged: the run's store was temporary" in said

    assert main(["baseline", "show"]) == 0
    assert "first" in capsys.readouterr().out
    for run in ([], ["main"], ["main", ".e2i"], ["main", ".e2i/report.json"], ["golden/baselines/main.json", "latest"]):
        assert main(["baseline", "diff", *run]) == 0
    assert sorted(each.name for each in (project / "golden" / "baselines").iterdir()) == [
        "main.json",
        "main.prompts.json",
    ]


def test_a_difference_is_exit_code_1(project: Path, report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    """And accepting it says first what it changes."""
    _accept()
    dearer = replace(report.cases[0], measurements={**report.cases[0].measurements, "claude_calls": 2.0})
    _save(project, replace(report, cases=(dearer, report.cases[1])))
    capsys.readouterr()

    assert main(["baseline", "diff"]) == 1
    assert "support/refund: claude_calls 1 → 2" in capsys.readouterr().out
    assert _accept() == 0
    assert "support/refund: claude_calls 1 → 2" in capsys.readouterr().out
    assert main(["baseline", "diff"]) == 0


@pytest.mark.parametrize("variable", ["CI", "GITHUB_ACTIONS"])
def test_nothing_is_accepted_in_ci(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str
) -> None:
    """The message names the variable; what says no is no."""
    monkeypatch.setenv(variable, "true")

    assert _accept() == 4
    assert f"({variable} is set)" in capsys.readouterr().err
    assert not (project / "golden" / "baselines").exists()

    monkeypatch.setenv(variable, "false")
    assert _accept() == 0


def test_a_run_that_failed_is_refused(project: Path, report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    """Unless it is meant."""
    failed = replace(report.cases[0], verdicts=(Verdict(check="output", status="fail", reason="wrong"),))
    _save(project, replace(report, cases=(failed, report.cases[1])))

    assert _accept() == 4
    error = capsys.readouterr().err
    assert "this run cannot become the baseline:\n  - 1 case failed: support/refund (--allow-failures" in error
    assert _accept("--allow-failures") == 0


def test_a_case_file_without_a_result_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It was added after the run."""
    (project / "golden" / "cases" / "support" / "new.yml").touch()

    assert _accept() == 4
    assert "1 case file without a result: support/new" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["accept", "latest", "--reason", " "], "--reason is empty"),
        (["accept", "latest", "--reason", "x", "--name", "../x"], "--name=../x cannot be a baseline's name"),
        (["accept", "nowhere", "--reason", "x"], "there is no run 'nowhere'"),
        (["accept", "golden", "--reason", "x"], "there is no report"),
        (["accept", "pyproject.toml", "--reason", "x"], "this is no report of this version"),
        (["accept", "0" * 32, "--reason", "x"], "there is no store in which to look for the MLflow run"),
        (["show"], "accept a first run"),
        (["diff", "other"], "there is no baseline 'other'"),
    ],
)
def test_bad_words_are_explained(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    """With exit code 4, and nothing written."""
    assert main(["baseline", *words]) == 4
    assert said in capsys.readouterr().err


def test_a_broken_old_baseline_is_replaced_and_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Accepting is the way out of a merge that went wrong."""
    _accept()
    (project / "golden" / "baselines" / "main.json").write_text("<<<<<<< HEAD\n")

    assert _accept() == 0
    assert (
        "the old baseline cannot be read and is replaced: the file is in the middle of a merge"
        in capsys.readouterr().out
    )
    assert main(["baseline", "diff"]) == 0


def test_the_commands_of_the_page_work() -> None:
    """Each in its order, on a run that has just been made."""
    commands = re.findall(r"^e2i-eval (baseline .+)$", PAGE.read_text(), flags=re.MULTILINE)

    assert len(commands) == 4
    assert [main(shlex.split(command)) for command in commands] == [0, 0, 0, 0]


def test_the_text_of_the_page_is_what_a_diff_says(
    project: Path, report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example is this project with one more sentence in its system prompt."""
    _accept()
    prompt = ("[system]", "Be brief.", "Be kind.", "[user]", "Why?", "[settings]", "max_tokens: 100")
    cases = []
    for case in report.cases:
        assert case.behaviour is not None
        call = replace(case.behaviour.calls[0], prompt=prompt)
        behaviour = replace(case.behaviour, calls=(call,))
        cases.append(replace(case, behaviour=behaviour, measurements={**case.measurements, "prompt_tokens": 23.0}))
    _save(project, replace(report, cases=tuple(cases)))
    capsys.readouterr()

    assert main(["baseline", "diff"]) == 1
    assert f"```text\n{capsys.readouterr().out}```" in PAGE.read_text()
