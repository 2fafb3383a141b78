"""Each way of answering wrongly is caught by the family that is there for it, and a sound target by none."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "samples" / "lab"

WRONG = {
    "sound": set(),
    "canned": {"truth/effect", "null/nothing", "metamorphic/more-outcome", "ablation/prices"},
    "wrong_column": {"truth/effect", "metamorphic/more-outcome", "ablation/prices"},
    "mislabelled": {"ablation/prices"},
    "eager": {"null/nothing"},
    "hash_dependent": {"fresh-process/study"},
    "untagged": {"ablation/prices", "provenance/study"},
}
"""Target to what of its families must fail."""

ROWS = [
    {"id": f"{arm}-{number}", "arm": arm, "age": 40.0 + number % 5, "outcome": base + number % 3}
    for arm, base in (("treated", 13.0), ("control", 10.0))
    for number in range(12)
]
NO_EFFECT = [{**row, "outcome": 10.0 + number % 3} for number, row in enumerate(ROWS)]

CASES = {
    "study": {
        "schema": 1,
        "inputs": {"rows": ROWS},
        "expect": {"values": {"effect": {"min": 2.9, "max": 3.1}, "significant": True}},
    },
    "nothing": {"schema": 1, "inputs": {"rows": NO_EFFECT}},
}

FAMILIES = """
[targets.{target}.truth.effect]
case = "study"
values = ["effect"]

[targets.{target}.null.nothing]
case = "nothing"
values = {{ significant = false }}

[targets.{target}.metamorphic.more-outcome]
case = "study"
change = {{ "rows.0.outcome" = 40.0 }}
path = ["effect", "worth_usd"]
must = "increase"

[targets.{target}.metamorphic.ids-do-not-matter]
case = "study"
change = {{ "rows.3.id" = "treated-99", colour = "red" }}
path = ["effect", "significant", "worth_usd"]
must = "same"

[targets.{target}.ablation.prices]
case = "study"
seam = "lab.studies:without_prices"
values = {{ provenance = "heuristic", worth_usd = 300.0 }}
tags = {{ "lab.provenance" = "heuristic" }}

[targets.{target}.fresh-process.study]
case = "study"

[targets.{target}.provenance.study]
case = "study"
must = "computed"
"""

Findings = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The laboratory, every study with the same cases and the same families."""
    folder = Path(shutil.copytree(SAMPLE, tmp_path_factory.mktemp("families") / "lab"))
    for target in WRONG:
        for name, case in CASES.items():
            file = folder / "golden" / "cases" / target / f"{name}.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(yaml.safe_dump(case))
    tables = "".join(FAMILIES.format(target=target) for target in WRONG)
    (folder / "families.toml").write_text(f'schema = 1\nprovenance_tag = "lab.provenance"\n{tables}')
    return folder


def evaluate(project: Path, *args: str) -> tuple[int, str, Findings]:
    """Return exit code, screen and the results of the families by id."""
    command = [sys.executable, "-m", "pytest", "-p", "no:benchmark", "--e2i-eval", "--e2i-store=temp", "-q", *args]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300, check=False)
    file = project / ".e2i" / "report.json"
    cases = json.loads(file.read_text())["cases"] if file.exists() else []
    return done.returncode, done.stdout + done.stderr, {case["case_id"]: case for case in cases}


@pytest.fixture(scope="module")
def outcome(project: Path) -> tuple[int, str, Findings]:
    """One run over all studies."""
    return evaluate(project)


def failed(results: Findings, target: str) -> set[str]:
    """Return what of a target's families did not pass."""
    wrong = {name for name, case in results.items() if case["status"] != "pass"}
    return {name.removeprefix(f"{target}/") for name in wrong if name.startswith(f"{target}/") and name.count("/") > 1}


@pytest.mark.parametrize("target", WRONG)
def test_right_family_catches_it(outcome: tuple[int, str, Findings], target: str) -> None:
    """Exactly the families that can know it fail."""
    assert failed(outcome[2], target) >= WRONG[target]
    if target != "untagged":  # every trace of it is wrong
        assert failed(outcome[2], target) == WRONG[target]


def test_all_checks_are_in_the_report(outcome: tuple[int, str, Findings]) -> None:
    """Each declared check is one case with an id of its own, judged by a verdict named like its family."""
    code, _, results = outcome
    checks = {name: case for name, case in results.items() if name.count("/") == 2}

    assert code == 1
    assert len(checks) == 7 * len(WRONG)
    for name, case in checks.items():
        assert name.split("/")[1] in {verdict["check"] for verdict in case["verdicts"]}
        assert case["nodeid"] == "families.toml::" + name.replace("/", "::")
        assert case["where"].startswith("families.toml:")


def test_failure_shows_both_answers(outcome: tuple[int, str, Findings]) -> None:
    """What was changed, what came before and what came after are on the screen."""
    screen = outcome[1]

    assert "must increase with rows.0.outcome = 40.0" in screen
    assert "before the change: 2.0" in screen
    assert "did not change" in screen
    assert "a new process with another hash seed answers hash_dependent/study differently" in screen


def test_untagged_answers_fail_everywhere(outcome: tuple[int, str, Findings]) -> None:
    """A target that must log where answers come from fails in its golden cases too."""
    verdicts = {verdict["check"]: verdict for verdict in outcome[2]["untagged/study"]["verdicts"]}

    assert verdicts["provenance-tag"]["status"] == "fail"
    assert verdicts["provenance-tag"]["findings"][0]["field"] == "tags.lab.provenance"


def test_works_in_parallel_and_by_keyword(project: Path) -> None:
    """With workers, and when only some checks are chosen, they start from cases nobody else evaluates."""
    code, screen, results = evaluate(project, "-n2", "-k", "sound and (metamorphic or fresh)")

    assert code == 0, screen
    assert set(results) == {
        "sound/metamorphic/more-outcome",
        "sound/metamorphic/ids-do-not-matter",
        "sound/fresh-process/study",
    }


def test_check_in_quarantine_does_not_block(project: Path, tmp_path: Path) -> None:
    """A failing one is let through under its own id; an id nobody has is refused with the nearest one."""
    folder = Path(shutil.copytree(project, tmp_path / "lab"))
    file = folder / "golden" / "quarantine.toml"
    until = dt.datetime.now(tz=dt.UTC).date() + dt.timedelta(days=30)
    entry = f'[[case]]\nid = "{{}}"\nreason = "found too eagerly"\nuntil = {until}\n'
    file.write_text(entry.format("eager/null/nothing"))
    code, screen, results = evaluate(folder, "-k", "eager and null")
    file.write_text(entry.format("eager/null/nothin"))
    refused, said, _ = evaluate(folder, "-k", "eager and null")

    assert code == 0, screen
    assert "1 xfailed" in screen
    assert results["eager/null/nothing"]["status"] == "fail"
    assert "eager/null/nothing does not pass and does not block: quarantined until" in screen
    assert refused == pytest.ExitCode.USAGE_ERROR
    assert "no family check 'eager/null/nothin', did you mean 'eager/null/nothing'?" in said


def test_mistake_in_the_file_fails_and_is_told(project: Path, tmp_path: Path) -> None:
    """A file that cannot be read is a failing item; that its checks are missing is never silent."""
    folder = Path(shutil.copytree(project, tmp_path / "lab"))
    file = folder / "families.toml"
    file.write_text(file.read_text().replace("must =", "mast ="))
    code, screen, results = evaluate(folder, "--e2i-target=sound", "families.toml")

    assert code == 1
    assert "unknown key 'targets.sound.metamorphic.more-outcome.mast', did you mean 'must'?" in screen
    assert results["sound/families"]["status"] == "error"
