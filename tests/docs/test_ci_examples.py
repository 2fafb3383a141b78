"""The workflow and the shell script that a user may copy: they parse, and say only what exists."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2i_eval.runner.config.options import OPTIONS

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "e2i-eval.yml"
SCRIPT = ROOT / "docs" / "examples" / "ci.sh"
KNOWN_ACTIONS = {"actions/checkout", "actions/setup-python", "actions/upload-artifact"}

FAKE_PYTHON = """#!/bin/sh
echo "$@"
exit {code}
"""


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    """The workflow; YAML reads its key ``on`` as true."""
    read: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text())
    return {"on" if key is True else key: value for key, value in read.items()}


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all steps of all jobs."""
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_the_workflow_may_do_little(workflow: dict[str, Any]) -> None:
    """It reads the code, writes comments, and gives up an older run of the same branch."""
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert workflow["concurrency"]["cancel-in-progress"] is True
    assert set(workflow["on"]) == {"pull_request", "push"}
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


def test_its_actions_are_pinned(workflow: dict[str, Any]) -> None:
    """Each action is one of GitHub's own, at a major version."""
    used = [step["uses"] for step in steps(workflow) if "uses" in step]

    assert {action.partition("@")[0] for action in used} == KNOWN_ACTIONS
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", action) for action in used)


def test_it_has_the_merge_base(workflow: dict[str, Any]) -> None:
    """The whole history is fetched: a shallow clone has no merge base."""
    checkout = next(step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout"))

    assert checkout["with"]["fetch-depth"] == 0


def test_no_foreign_text_is_run(workflow: dict[str, Any]) -> None:
    """Names of branches come as variables, never as part of a command."""
    assert not [step for step in steps(workflow) if "${{" in step.get("run", "")]


@pytest.mark.parametrize("file", [WORKFLOW, SCRIPT], ids=lambda file: file.name)
def test_the_flags_exist(file: Path) -> None:
    """Every flag of ours that is written there is one."""
    used = set(re.findall(r"--e2i-[a-z-]+", file.read_text()))

    assert "--e2i-eval" in used
    assert used <= {option.flag for option in OPTIONS}


@pytest.mark.parametrize(
    "script", [step["run"] for step in steps(yaml.safe_load(WORKFLOW.read_text())) if "run" in step]
)
def test_the_workflow_is_shell(script: str) -> None:
    """Every command of the workflow parses."""
    subprocess.run(["bash", "-n", "-c", script], check=True)


@pytest.mark.parametrize(
    ("code", "said"), [(0, "passed"), (1, "failed"), (6, "inconclusive"), (4, "did not work (exit code 4)")]
)
def test_the_script_passes_on_the_exit_code(tmp_path: Path, code: int, said: str) -> None:
    """What pytest returns is what the script returns, with a word about it."""
    binaries = tmp_path / "bin"
    binaries.mkdir()
    (binaries / "python").write_text(FAKE_PYTHON.format(code=code))
    (binaries / "python").chmod(0o755)
    path = f"{binaries}:{Path(shutil.which('bash') or '/bin/bash').parent}:/usr/bin:/bin"

    done = subprocess.run(
        ["bash", str(SCRIPT), "", "-k", "a or b"],
        cwd=tmp_path,
        env={"PATH": path, "E2I_OUT": "out"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code
    assert "-m pytest --e2i-eval --e2i-report=out --junitxml=out/junit.xml -k a or b" in done.stdout
    assert said in done.stdout
