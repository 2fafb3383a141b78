"""Logging that is broken on purpose fails the run, with target, case, call and field named."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "samples" / "broken"
GOLDEN = {"causal_impact": "kisqali.yaml", "rag": "kisqali-dose.yaml"}

FAULTS = {
    "causal_impact": (
        "unbroken",
        "drop_prompt",
        "drop_completion",
        "halve_input_tokens",
        "log_a_call_twice",
        "drop_causal_confidence",
        "leave_in_progress",
        "leak_key_into_tag",
    ),
    "rag": ("unbroken", "drop_rerank_span"),
}

Findings = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a golden case of the platform for each fault."""
    folder = Path(shutil.copytree(SAMPLE, tmp_path_factory.mktemp("broken") / "project"))
    shutil.copy(ROOT / "evals" / "contract.toml", folder / "contract.toml")
    for target, faults in FAULTS.items():
        golden = yaml.safe_load((ROOT / "golden" / "cases" / target / GOLDEN[target]).read_text())
        golden["expect"].pop("judges", None)  # whom the sample's target does not know
        for fault in faults:
            case = folder / "golden" / "cases" / target / f"{fault}.yaml"
            case.parent.mkdir(parents=True, exist_ok=True)
            case.write_text(yaml.safe_dump({**golden, "inputs": {**golden["inputs"], "fault": fault}}))
    return folder


@pytest.fixture(scope="module")
def outcome(project: Path) -> tuple[int, str, dict[str, Any]]:
    """Exit code, screen and report of one run over all faults."""
    done = evaluate(project)
    return done.returncode, done.stdout, json.loads((project / ".e2i" / "report.json").read_text())


@pytest.fixture(scope="module")
def cases(outcome: tuple[int, str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The report's cases by id."""
    return {case["case_id"]: case for case in outcome[2]["cases"]}


def evaluate(project: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run ``pytest --e2i-eval`` in ``project``."""
    command = [sys.executable, "-m", "pytest", "--e2i-eval", "-p", "no:cacheprovider", *args]
    return subprocess.run(command, cwd=project, text=True, capture_output=True, check=False)


def findings(case: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what was found wrong in a case."""
    return [{**finding, "check": each["check"]} for each in case["verdicts"] for finding in each["findings"]]


def test_broken_logging_fails_the_run(outcome: tuple[int, str, dict[str, Any]]) -> None:
    """The exit code says that something failed, and every broken case is named on the screen."""
    code, screen, _ = outcome

    assert code == pytest.ExitCode.TESTS_FAILED, screen
    for target, faults in FAULTS.items():
        for fault in faults[1:]:
            assert f"FAILED golden/cases/{target}/{fault}.yaml::{target}/{fault}" in screen


@pytest.mark.parametrize("target", FAULTS)
def test_unbroken_logging_passes(cases: dict[str, dict[str, Any]], target: str) -> None:
    """The same case through the same seam, with nothing broken."""
    assert cases[f"{target}/unbroken"]["status"] == "pass"


@pytest.mark.parametrize(
    ("case_id", "check", "field", "call"),
    [
        ("causal_impact/drop_prompt", "logging", "system prompt", "call 1 (node 'interpret')"),
        ("causal_impact/drop_completion", "logging", "tool call Interpretation", "call 1 (node 'interpret')"),
        ("causal_impact/halve_input_tokens", "logging", "input_tokens", "call 1 (node 'interpret')"),
        ("causal_impact/log_a_call_twice", "logging", "call", "call 1 (node 'interpret')"),
        ("causal_impact/drop_causal_confidence", "metrics", "causal_confidence", None),
        ("causal_impact/leave_in_progress", "trace", "state", None),
        ("causal_impact/leak_key_into_tag", "secrets", "tag", None),
        ("rag/drop_rerank_span", "trace", "RERANKER", None),
    ],
)
def test_each_fault_is_named(
    cases: dict[str, dict[str, Any]], case_id: str, check: str, field: str, call: str | None
) -> None:
    """The finding of the right check names the field, and the call where there is one."""
    case = cases[case_id]
    named = [
        each for each in findings(case) if each["check"] == check and field in f"{each['field']} {each['message']}"
    ]

    assert case["status"] == "fail"
    assert named, findings(case)
    assert call is None or any(each["call"] == call for each in named), named


def test_a_leaked_key_is_not_shown(outcome: tuple[int, str, dict[str, Any]]) -> None:
    """The finding says where the key is, and neither screen nor report repeats it."""
    _, screen, report = outcome

    assert "sk-ant-" not in screen.replace("sk-ant-***", "")
    assert "mock" not in json.dumps(report).partition("leak_key_into_tag")[2].partition("sk-ant-")[2][:40]


def test_unbroken_alone_is_green(project: Path) -> None:
    """Chosen by name, the unbroken cases exit with 0."""
    done = evaluate(project, "-k", "unbroken")

    assert done.returncode == pytest.ExitCode.OK, done.stdout


def test_the_readme_shows_a_real_screen(outcome: tuple[int, str, dict[str, Any]]) -> None:
    """The caught regression of the README is what this run prints, ids apart."""
    block = re.findall(r"^```text\n(✗.*?)^```$", (ROOT / "README.md").read_text(), flags=re.MULTILINE | re.DOTALL)[0]
    ids = re.compile(r"\b(tr-)?[0-9a-f]{16,32}\b")

    assert ids.sub("ID", block) in ids.sub("ID", outcome[1])
