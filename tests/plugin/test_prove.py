"""``e2i-eval prove`` in a stranger's project whose agent logs with MLflow's own autolog."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.conftest import Project

FAULTS = ("call-lost", "key-in-tag", "root-span-lost", "prompt-grows", "node-added")
BLIND = """\
    import sys
    from e2i_eval.checks.contract import secrets_check
    from e2i_eval.core.verdict import Verdict

    secrets_check.check_secrets = lambda evidence, rules: Verdict(check="secrets", status="pass")
    from e2i_eval.cli import main
    sys.exit(main(sys.argv[1:]))
"""
"""``e2i-eval`` with a check that was mutated: it sees nothing."""


def prove(project: Project, *command: str) -> tuple[int, str, dict[str, Any]]:
    """Run ``prove`` in the project; return exit code, screen and the proof."""
    words = [word for fault in FAULTS for word in ("--fault", fault)]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "ANTHROPIC_", "E2I_"))}
    done = subprocess.run(
        [sys.executable, *command, "prove", *words, "--json", "proof.json"],
        cwd=project.folder,
        env={**own, "E2I_EVAL_CACHE": os.environ.get("E2I_EVAL_CACHE", str(project.temporary))},
        text=True,
        capture_output=True,
        timeout=180,
        check=False,
    )
    file = project.folder / "proof.json"
    return done.returncode, done.stdout + done.stderr, json.loads(file.read_text()) if file.exists() else {}


def test_every_fault_is_caught_by_the_right_check(project: Project) -> None:
    """And the unbroken agent raises no alarm."""
    code, screen, proof = prove(project, "-m", "e2i_eval")

    assert code == 0, screen
    assert {trial["fault"]: trial["outcome"] for trial in proof["trials"]} == dict.fromkeys(FAULTS, "caught")
    assert [control for control in proof["controls"] if control["alarms"]] == []
    assert "5 of 5 applied faults caught" in screen
    assert not (project.folder / ".e2i").exists()


def test_a_mutated_check_leaves_a_survivor(project: Project) -> None:
    """A check that was disabled is found out by name."""
    script: Path = project.write("blind.py", textwrap.dedent(BLIND))
    code, screen, proof = prove(project, str(script))

    assert code == 1, screen
    assert [trial["fault"] for trial in proof["trials"] if trial["outcome"] == "survived"] == ["key-in-tag"]
    assert "survived: key-in-tag in support/refund, must be caught by secrets" in screen


def test_the_list_needs_no_project(capsys: pytest.CaptureFixture[str]) -> None:
    """It only reads the catalogue."""
    code = main(["prove", "--list", "--fault", "call-lost"])

    assert code == 0
    assert capsys.readouterr().out.split()[:3] == ["call-lost", "missing", "logging"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fault", "call-lots"], "did you mean 'call-lost'?"),
        (["--repeat", "0"], "--repeat 0 is no count"),
        (["--json", "/proc/nowhere/proof.json"], "--json /proc/nowhere/proof.json cannot be written"),
    ],
)
def test_bad_input_is_one_error(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    """With what to type instead."""
    code = main(["prove", *arguments])

    assert code == 4
    assert message in capsys.readouterr().err
