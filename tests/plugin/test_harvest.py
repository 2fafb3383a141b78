"""Traces of a stranger's project become candidates that replay green, and one of them a case to mend."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.conftest import Project

QUESTIONS = ("Where is my refund?", "Is it paid?", "Mail it to ann@clinic.org, please.", "Call +1 212-555-0147.")
OVERLOADED = "schema: 1\ninputs: {question: Are you there}\nclaude:\n  - {node: plan, error: {status: 529}, times: 3}\n"


def _command(project: Project, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "e2i_eval", *words],
        cwd=project.folder,
        env=project.environ({}),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_thirteen_traces_become_candidates_that_replay(new_project: Callable[[], Project]) -> None:
    """Ten questions, the project's own golden and its twin, and one with Claude overloaded: twelve differ."""
    project = new_project()
    for number in range(10):
        question = f"{QUESTIONS[number % len(QUESTIONS)]} {number // 2}"
        case = project.refund.replace("Where is my refund?", question)
        project.write(f"golden/cases/support/case-{number}.yaml", case)
    project.write("golden/cases/support/twin.yaml", project.refund)
    project.write("golden/cases/support/overloaded.yaml", OVERLOADED)
    made = project.run("-q")
    mirrored = _command(project, "dataset", "sync")
    shutil.rmtree(project.folder / "golden" / "cases")

    harvested = _command(project, "harvest", "--limit", "50")
    candidates = project.folder / "golden" / "candidates"
    texts = "".join(file.read_text() for file in candidates.rglob("*.*"))
    played = project.run("--e2i-candidates", "--e2i-claude=replay", "--e2i-store=temp")

    assert len(made.cases) == 13, made.screen
    assert "13 records, nothing changed" in mirrored
    assert "read 13 traces" in harvested, harvested
    assert "ann@clinic" not in texts
    assert "555-0147" not in texts
    assert set(played.statuses.values()) == {"pass"}, played.screen
    assert len(played.cases) == len(list(candidates.glob("cases/support/*.yaml"))) == 12

    file = next(candidates.glob("cases/support/*refund*.yaml"))
    found = re.search(r"trace: (tr-\w+)", file.read_text())
    assert found
    written = _command(project, "harvest", found[1])

    assert f"say what the right answer is: golden/cases/support/{file.name}:" in written, written
    assert "wrong_output" in (project.folder / "golden" / "cases" / "support" / file.name).read_text()
