"""Goldens of a stranger's project are kept true: by a worker's findings, the controller's hand, and a person's word."""

from __future__ import annotations

import datetime as dt
import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from e2i_eval.dataset.update.plan import digest_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.conftest import Project

COUNT = 6
WRONG = ('output: {answer: "It was paid on Monday."}', 'output: {answer: "It was paid on Friday."}  # as agreed')
RIGHT = (WRONG[1], 'output: {answer: "It was paid on Monday."}  # as agreed')


def cases(project: Project, count: int) -> list[Path]:
    """Write cases that expect another answer than comes out."""
    return [project.write(f"golden/cases/support/case{at}.yaml", project.refund.replace(*WRONG)) for at in range(count)]


def golden_files(names: set[str]) -> set[str]:
    """Return those in the golden folder."""
    return {name for name in names if name.startswith("golden")}


def test_fix_under_xdist_changes_the_lines_that_are_wrong(project: Project) -> None:
    """One leaf a file, comments kept, nothing left beside; what was cut off before is finished first, and said."""
    files = cases(project, COUNT)
    before = {file: file.read_text() for file in files}
    cut_off = project.folder / "golden" / "cases" / "support" / "refund.yaml"
    new = project.refund.replace("  - {node: plan", "  # finished\n  - {node: plan")
    cut_off.with_name(".refund.yaml.e2i-new").write_text(new)
    entry = {
        "file": "golden/cases/support/refund.yaml",
        "before": digest_of(cut_off.read_bytes()),
        "after": digest_of(new.encode()),
    }
    journal = project.folder / "golden" / ".e2i-changes.json"
    journal.write_text(json.dumps({"schema": 1, "staged": True, "files": [entry]}))
    there = project.files() - {str(journal.relative_to(project.folder)), "golden/cases/support/.refund.yaml.e2i-new"}

    outcome = project.run("--e2i-golden=fix", "-n", "2", "--e2i-store=temp")

    assert outcome.code == 1
    assert "an earlier change of 1 golden file was interrupted, and is finished now" in outcome.screen
    assert cut_off.read_text() == new
    assert f"golden: wrote {COUNT} golden files ({COUNT} changes)" in outcome.screen
    assert {file: file.read_text() for file in files} == {file: text.replace(*RIGHT) for file, text in before.items()}
    assert golden_files(project.files()) == golden_files(there)


def test_a_part_of_a_run_removes_nothing_and_a_whole_one_does(project: Project) -> None:
    """What plays no part goes from the file; a quarantined case and a case without expectations are told apart."""
    case = project.refund.replace("expect:\n", '  - {node: answer, text: "never said"}\nexpect:\n')
    spare = project.write("golden/cases/support/spare.yaml", case)
    held = project.write("golden/cases/support/held.yaml", project.refund.replace(*WRONG))
    bare = project.write("golden/cases/support/bare.yaml", project.refund.partition("expect:")[0] + "tags: [x]\n")
    project.write(
        "golden/quarantine.toml",
        '[[case]]\nid = "support/held"\nreason = "being mended"\nuntil = 2099-01-01\n'.replace("2099-01-01", _soon()),
    )
    before = {file: file.read_text() for file in (spare, held, bare)}

    part = project.run("--e2i-golden=trim", "-k", "spare", "--e2i-store=temp")

    assert "nothing is removed after a part of a run (the run was narrowed by -k spare" in part.screen
    assert {file: file.read_text() for file in before} == before

    shown = project.run("--e2i-golden=report", "--e2i-store=temp", env={"CI": "true"})

    assert "golden: 2 golden files would change; nothing was written" in shown.screen
    assert "golden: support/held is quarantined and not touched" in shown.screen
    assert '-  - {node: answer, text: "never said"}' in shown.screen
    assert "+  nodes: {order: strict, names: [plan, act, answer]}" in shown.screen
    assert {file: file.read_text() for file in before} == before

    project.run("--e2i-golden=trim", "--e2i-store=temp")

    assert spare.read_text() == project.refund
    assert (held.read_text(), bare.read_text()) == (before[held], before[bare])


@pytest.mark.parametrize("variable", ["GITHUB_ACTIONS", "GITLAB_CI"])
def test_in_ci_golden_files_are_read_only(project: Project, variable: str) -> None:
    """The variable that says so is named, and nothing runs."""
    outcome = project.run("--e2i-golden=fix", env={variable: "true"})

    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert f"golden files are read-only in CI, and {variable} says that this is CI" in outcome.screen
    assert outcome.report == {}


def test_a_review_asks_on_the_terminal_and_nowhere_else(project: Project) -> None:
    """A yes is written, a no is not; without a terminal it says what to type."""
    first, second = cases(project, 2)

    piped = project.run("--e2i-golden=review")
    assert piped.code == pytest.ExitCode.USAGE_ERROR
    assert "use --e2i-golden=report and then --e2i-golden=fix" in piped.screen

    screen = on_a_terminal(project, "--e2i-golden=review", "--e2i-store=temp", answers=b"y\nn\n")

    assert "[2 of 2]" in screen
    assert "golden: accepted 1, refused 1, not asked for 0" in screen
    assert RIGHT[1] in first.read_text()
    assert WRONG[1] in second.read_text()


def on_a_terminal(project: Project, *args: str, answers: bytes) -> str:
    """Run pytest in the project on a terminal of its own, where somebody has typed ahead."""
    command = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "--e2i-eval", *args]
    leader, follower = pty.openpty()
    own = project.environ({})
    screen = b""
    with subprocess.Popen(
        command, cwd=project.folder, env=own, stdin=follower, stdout=follower, stderr=follower
    ) as process:
        os.close(follower)
        os.write(leader, answers)
        while piece := _read(leader):
            screen += piece
        process.wait()
    os.close(leader)
    return screen.decode(errors="replace")


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # Linux says so when the other end is closed
        return b""


def _soon() -> str:
    return (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)).isoformat()
