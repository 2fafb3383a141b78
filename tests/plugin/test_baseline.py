"""A baseline from a real run: accepted by its MLflow run, and what a later run does differently."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from e2i_eval.tracking import session_runs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.conftest import Project

IN_CI = {"CI", "GITHUB_ACTIONS"}


def test_a_run_becomes_the_baseline_and_a_changed_prompt_is_found(project: Project, cache: Path) -> None:
    """The whole way: run, accept by run id, change a sentence, see it; and a part of a run is no baseline."""
    thanks = project.refund.replace("Where is my refund?", "Is it paid?")
    project.write("golden/cases/support/paid.yaml", thanks)
    accepted = project.run()
    run_id = accepted.report["session"]["run_id"]

    code, said = _baseline(project, cache, "accept", run_id, "--reason", "first")

    assert code == 0, said
    assert f"MLflow run {run_id} is tagged e2i_eval.baseline=main" in said
    with session_runs(project.folder / ".e2i" / "mlflow", cache=cache, environ={}) as runs:
        assert runs.baseline_run("main") == run_id

    agents = project.folder / "shop" / "agents.py"
    agents.write_text(agents.read_text().replace("Plan the next step.", "Plan the next step. Be kind."))
    part = project.run("-n", "2", "-k", "refund", "--e2i-store=temp")

    selection = part.report["session"]["selection"]
    assert (selection["collected"], selection["flags"]) == (1, ["-k refund"])
    assert selection["deselected"] > 0  # the other case, and the rules of the gate
    code, said = _baseline(project, cache, "diff")
    assert code == 1
    assert "1 in the baseline and not in this run:\n  support/paid" in said
    assert "  -Plan the next step.\n  +Plan the next step. Be kind." in said
    assert re.search(r"^support/refund: prompt_tokens \d+ → \d+, prompt of call 3 \(plan\)$", said, re.MULTILINE), said

    code, said = _baseline(project, cache, "accept", "latest", "--reason", "kind")
    assert code == 4
    assert "the run was narrowed by -k refund" in said
    assert "1 case file without a result: support/paid" in said


def _baseline(project: Project, cache: Path, *words: str) -> tuple[int, str]:
    own = {name: value for name, value in os.environ.items() if name not in IN_CI}
    ended = subprocess.run(
        [sys.executable, "-m", "e2i_eval", "baseline", *words],
        cwd=project.folder,
        env={**own, "TMPDIR": str(project.temporary), "E2I_EVAL_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr
