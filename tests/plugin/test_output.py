"""What a session leaves and shows beside its table: report files, JUnit, GitHub's page, a line of progress."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.conftest import Outcome, Project

RIGHT, WRONG = "It was paid on Monday.", "It was paid on Sunday."
OURS = re.compile(r"\x1b7\x1b\[\d+G\x1b\[2m(?P<text>[^\x1b]*)\x1b\[22m\x1b8")
SECRET = "hunter2-hunter2-hunter2"


@pytest.fixture(scope="module")
def wrong(new_project: Callable[[], Project]) -> tuple[Project, Outcome]:
    """A run on GitHub, with two workers, of which one case of two is wrong."""
    project = new_project()
    golden = project.refund.replace(f'output: {{answer: "{RIGHT}"}}', f'output: {{answer: "{WRONG}"}}')
    project.write("golden/cases/support/other.yaml", golden)
    project.write("summary.md", "before\n")
    env = {
        "GITHUB_STEP_SUMMARY": str(project.folder / "summary.md"),
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(project.folder.parent),
        "SHOP_PASSWORD": SECRET,
    }
    return project, project.run("-n2", "--junitxml=junit.xml", env=env)


def text(project: Project, name: str) -> str:
    """Return a file of the project."""
    return (project.folder / name).read_text(encoding="utf-8")


def test_the_reports_say_what_failed(wrong: tuple[Project, Outcome]) -> None:
    """Both files are there beside report.json, verdict first, with the case and how to repeat it."""
    project, outcome = wrong
    markdown, page = text(project, ".e2i/report.md"), text(project, ".e2i/report.html")

    assert outcome.code == pytest.ExitCode.TESTS_FAILED
    assert markdown.startswith("## ❌ e2i-eval failed: 1 of 2 cases failed")
    assert "pytest --e2i-eval -k support/other" in markdown
    assert WRONG in markdown
    assert "<title>✗ Failed: 1 of 2 cases failed" in page
    assert WRONG in page


def test_the_command_of_the_report_repeats_the_case(wrong: tuple[Project, Outcome]) -> None:
    """What it says to type evaluates that case and no other."""
    project, _ = wrong
    command = re.search(r"^pytest --e2i-eval (.*)$", text(project, ".e2i/report.md"), re.MULTILINE)
    assert command is not None

    again = project.run(*command[1].split(), "--e2i-store=temp", "--e2i-report=again", report="again")

    assert again.statuses == {"support/other": "fail"}


def test_wire_beside_trace_is_in_the_report(wrong: tuple[Project, Outcome]) -> None:
    """Each call has its span, and the fields that were compared."""
    _, outcome = wrong
    calls = outcome.cases["support/refund"]["calls"]

    assert [call["call"] for call in calls] == ["call 1 (node 'plan')", "call 2 (node 'act')", "call 3 (node 'answer')"]
    assert {field[3] for call in calls for field in call["fields"]} == {"agrees"}
    assert ["output_tokens", "12", None, "agrees"] in calls[0]["fields"]


def test_junit_has_the_properties(wrong: tuple[Project, Outcome]) -> None:
    """Each test of the file has its case, tokens, cost and trace, from workers too, once."""
    project, outcome = wrong
    tests = ET.parse(project.folder / "junit.xml").getroot().iter("testcase")
    told = {
        found["e2i.case_id"]: found
        for test in tests
        if (found := {each.attrib["name"]: each.attrib["value"] for each in test.iter("property")})
    }

    assert set(told) == {"support/refund", "support/other"}
    assert told["support/other"]["e2i.status"] == "fail"
    assert told["support/refund"]["e2i.claude_calls"] == "3"
    assert float(told["support/refund"]["e2i.cost_usd"]) > 0
    assert told["support/refund"]["e2i.trace_ids"] == ",".join(outcome.cases["support/refund"]["trace_ids"])
    assert "e2i.run_url" not in told["support/refund"]


def test_github_gets_summary_and_annotations(wrong: tuple[Project, Outcome]) -> None:
    """The summary is appended, the annotation points to the case as seen from the repository."""
    project, outcome = wrong
    annotations = [line for line in outcome.screen.splitlines() if line.startswith("::")]

    assert text(project, "summary.md").startswith("before\n## ❌ e2i-eval failed")
    assert annotations[0] == "::group::e2i-eval annotations"
    assert annotations[1].startswith("::error file=shop/golden/cases/support/other.yaml,line=1,title=support/other::")
    assert annotations[-1] == "::endgroup::"


def test_the_reports_are_artifacts(wrong: tuple[Project, Outcome]) -> None:
    """The server keeps the files with the session's run."""
    project, outcome = wrong
    run_id = outcome.report["session"]["run_id"]

    kept = {path.name for path in (project.folder / ".e2i" / "mlflow").rglob(f"{run_id}/artifacts/*")}

    assert kept == {"report.json", "report.md", "report.html"}


def test_the_page_links_to_the_store(wrong: tuple[Project, Outcome]) -> None:
    """The experiment is known, so that a run can be opened in the UI."""
    _, outcome = wrong

    assert outcome.report["session"]["experiment_id"]


def test_no_terminal_no_progress(wrong: tuple[Project, Outcome]) -> None:
    """What is not watched is not drawn on."""
    _, outcome = wrong

    assert "\x1b7" not in outcome.screen


def test_a_summary_that_cannot_be_written_is_said(project: Project) -> None:
    """The results stand, and somebody is told."""
    outcome = project.run("--e2i-store=temp", env={"GITHUB_STEP_SUMMARY": "/nowhere/summary.md"})

    assert outcome.code == pytest.ExitCode.OK
    assert "! the step summary could not be written: " in outcome.screen


def test_a_report_that_cannot_be_written_fails(project: Project) -> None:
    """A folder in the way of report.html is a problem of the session; the other files tell of it."""
    (project.folder / ".e2i" / "report.html" / "x").mkdir(parents=True)

    outcome = project.run("--e2i-store=temp")

    assert outcome.code == pytest.ExitCode.TESTS_FAILED
    (problem,) = outcome.report["problems"]
    assert problem.startswith("report.html could not be written: ")
    assert "report.html could not be written" in text(project, ".e2i/report.md").replace("\\", "")


def watched(project: Project, *args: str) -> str:
    """Return what a person at a terminal would be sent."""
    own = project.environ({"TERM": "xterm", "COLUMNS": "120"})
    theirs, ours = pty.openpty()
    command = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "--e2i-eval", "--e2i-store=temp", *args]
    with subprocess.Popen(command, cwd=project.folder, env=own, stdout=ours, stderr=ours, stdin=ours) as process:
        os.close(ours)
        sent = b""
        while True:
            try:
                chunk = os.read(theirs, 65_536)
            except OSError:  # Linux's way to say that nobody holds the other end any more
                break
            if not chunk:
                break
            sent += chunk
        process.wait()
    os.close(theirs)
    return sent.decode()


def test_progress_at_a_terminal(project: Project) -> None:
    """Counts stand beside the running case, are erased before pytest's word, and leave its lines as they were."""
    project.write("golden/cases/support/second.yaml", project.refund)

    sent = watched(project)

    assert [found["text"] for found in OURS.finditer(sent)] == ["0/2", "1/2"]
    assert sent.count("\x1b8\x1b[K") == 2
    plain = re.sub(r"\x1b\[[\d;]*[mK]", "", OURS.sub("", sent))
    assert re.search(r"^golden/cases/support/refund.yaml \. +\[ 50%\]\r$", plain, re.MULTILINE)
    assert re.search(r"^golden/cases/support/second.yaml \. +\[100%\]\r$", plain, re.MULTILINE)


@pytest.mark.parametrize("flag", ["-q", "-s", "-n2"])
def test_no_progress_where_it_would_disturb(project: Project, flag: str) -> None:
    """Quiet, uncaptured and parallel runs are left alone."""
    assert "\x1b7" not in watched(project, flag)
