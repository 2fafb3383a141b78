"""The checks catch what they are there for: a dozen of the catalogue's faults, applied to the platform as it is now.

They run as ``e2i-eval prove``, in a process and a store of its own: cases that are broken on purpose are no cases of
this session. All faults take two minutes; ``e2i-eval prove`` applies them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Proof = dict[str, Any]

OF_AN_AGENT = (
    "call-lost",
    "prompt-lost",
    "input-tokens-halved",
    "call-logged-twice",
    "trace-lost-on-full-queue",
    "root-span-lost",
    "provenance-lies",
    "key-in-tag",
    "metric-of-another-case",
    "claude-error-swallowed",
    "prompt-grows",
    "node-loops",
)
OF_RETRIEVAL = ("reranking-lost", "scores-reordered")
CHOSEN = {"causal_impact": OF_AN_AGENT, "rag": OF_RETRIEVAL}
OF_A_USERS_SHELL = ("MLFLOW_", "ANTHROPIC_", "E2I_", "PYTEST_")
TIMEOUT_S = 300


@pytest.fixture(scope="module")
def proof(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Proof:
    """What was proved of the selected tests' targets; made once, also where several workers ask."""
    mine = [item for item in request.session.items if item.path == request.path]
    targets = {str(marker.args[0]) for item in mine for marker in item.iter_markers("e2i")}
    base = tmp_path_factory.getbasetemp()
    file = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "proof.json"
    with FileLock(f"{file}.lock"):
        if not file.exists():
            prove(sorted(targets), file, request.config.rootpath)
    made: Proof = json.loads(file.read_text(encoding="utf-8"))
    return made


def prove(targets: Sequence[str], file: Path, root: Path) -> None:
    """Apply the chosen faults to the targets."""
    faults = [fault for target in targets for fault in CHOSEN[target]]
    chosen = [*_words("--target", targets), *_words("--fault", faults)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(OF_A_USERS_SHELL)}
    done = subprocess.run(
        [sys.executable, "-m", "e2i_eval", "prove", *chosen, "--json", str(file)],
        cwd=root,
        env={**environ, "E2I_SPOOL_DIR": f"{file}.spool"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert file.exists(), done.stdout + done.stderr


def _words(flag: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


def assert_caught(proof: Proof, fault: str) -> None:
    """The fault was applied, and the right check said so."""
    (trial,) = (each for each in proof["trials"] if each["fault"] == fault)

    assert trial["outcome"] == "caught", trial


@pytest.mark.e2i("causal_impact")
@pytest.mark.parametrize("fault", OF_AN_AGENT)
def test_a_broken_agent_is_caught(proof: Proof, fault: str) -> None:
    """By the check that the catalogue names."""
    assert_caught(proof, fault)


@pytest.mark.e2i("rag")
@pytest.mark.parametrize("fault", OF_RETRIEVAL)
def test_broken_retrieval_is_caught(proof: Proof, fault: str) -> None:
    """By the check that the catalogue names."""
    assert_caught(proof, fault)


@pytest.mark.e2i("causal_impact")
def test_an_unbroken_target_raises_no_alarm(proof: Proof) -> None:
    """Before, between and after the faults."""
    controls = proof["controls"]

    assert controls
    assert [control for control in controls if control["alarms"]] == []
