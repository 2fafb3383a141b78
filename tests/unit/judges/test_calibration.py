"""Judges against people: calibration, doubt, and the files both are kept in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2i_eval.checks.judges.basis import basis_of
from e2i_eval.checks.judges.calibration import Calibration, calibrate
from e2i_eval.checks.judges.labels import Label, LabelSet
from e2i_eval.checks.judges.uncalibrated import doubt_about, doubt_notes
from e2i_eval.checks.judges.verdicts import verdict_of
from e2i_eval.cli import main
from e2i_eval.core.errors import E2iError
from e2i_eval.core.judge_rule import JudgeRule
from e2i_eval.core.judgement import Judgement
from e2i_eval.dataset.label_files import calibration_file, read_calibrations, read_labels
from e2i_eval.report.calibration_lines import calibration_lines
from e2i_eval.runner.report import CaseResult, Report

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[3]
MODEL, BASIS = "claude-sonnet-5-5", "0123456789abcdef"


def labels_of(scores: Sequence[int], *, min_kappa: float = 0.6, uncalibrated: str = "warn") -> LabelSet:
    """Return a label a case, ``s/0``, ``s/1``, ..."""
    labels = tuple(Label(case=f"s/{at}", score=score, by="ada", date="2026-11-20") for at, score in enumerate(scores))
    return LabelSet(
        judge="tone", scale=(1, 5), min_kappa=min_kappa, uncalibrated=uncalibrated, labels=labels, where="tone.yaml"
    )


def judgements_of(scores: Sequence[float | None], *, model: str = MODEL, basis: str = BASIS) -> list[Judgement]:
    """Return a judgement a case; None is a judge that broke."""
    return [
        Judgement(
            judge="tone",
            case=f"s/{at}",
            score=score,
            passed=None if score is None else score >= 4,
            error="" if score is not None else "overloaded",
            model=model,
            basis=basis,
        )
        for at, score in enumerate(scores)
    ]


GOOD = [1, 2, 3, 4, 5] * 6


def test_a_judge_that_agrees_is_calibrated() -> None:
    """One step off now and then does not hurt."""
    judged = [*GOOD[:28], 3, 4]

    found = calibrate(labels_of(GOOD), judgements_of(judged))

    assert found.doubt == ""
    assert found.cases == 30
    assert found.agreement is not None
    assert found.agreement.value == pytest.approx(28 / 30)
    assert found.mean_bias == pytest.approx(-2 / 30)
    assert [(each.score, round(each.mean, 3)) for each in found.bias if each.mean] == [(4, -0.167), (5, -0.167)]
    assert Calibration.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(
    ("people", "judge", "why"),
    [
        (GOOD, [5] * 30, "kappa 0.00 over 30 cases may be as low as 0.00, below 0.60"),
        (GOOD, GOOD[::-1], "kappa -1.00"),
        ([1, 5, 3], [1, 5, 3], "kappa 1.00 over 3 cases may be as low as 0.44, below 0.60"),
        ([4] * 30, [4] * 30, "all 30 labels are 4"),
        ([4] * 30, GOOD, "all 30 labels are 4"),
        (GOOD, [None] * 30, "no labelled case was judged"),
        ([], GOOD, "no labelled case was judged"),
    ],
)
def test_one_that_does_not_or_cannot_be_told_is_not(people: list[int], judge: list[float | None], why: str) -> None:
    """Agreement by chance, too few labels, equal labels, or no scores."""
    assert why in calibrate(labels_of(people), judgements_of(judge)).doubt


def test_broken_judgements_are_named_and_repeated_ones_count_once() -> None:
    """A case judged three times has the median; several people's labels have theirs."""
    judged = [*judgements_of(GOOD), *judgements_of([5.0]), *judgements_of([1.0]), *judgements_of([None])]
    labels = labels_of([*GOOD, 3])

    found = calibrate(labels, judged)

    assert (found.cases, found.unjudged) == (30, ("s/30",))
    assert found.table[0][0] == 6
    several = LabelSet(
        judge="tone", scale=(1, 5), min_kappa=0.6, uncalibrated="warn", labels=labels_of([5]).labels * 2, where=""
    )
    assert several.scores() == {"s/0": 5}


def test_two_judges_in_one_calibration_are_none() -> None:
    """Half of the cases by another model tell nothing of either."""
    judged = [*judgements_of(GOOD)[:15], *judgements_of(GOOD, model="claude-haiku-4-5")[15:]]

    assert "several models" in calibrate(labels_of(GOOD), judged).doubt


def test_doubt_is_about_who_judges_now() -> None:
    """Another model, another rubric, or no calibration; a project may want bad scores to count anyway."""
    found = calibrate(labels_of(GOOD), judgements_of(GOOD))
    strict = calibrate(labels_of([4] * 9, uncalibrated="fail"), judgements_of([4] * 9))

    assert doubt_about(found, model=MODEL, basis=BASIS) == ""
    assert "claude-haiku-4-5 judges now" in doubt_about(found, model="claude-haiku-4-5", basis=BASIS)
    assert "rubric is another" in doubt_about(found, model=MODEL, basis="f" * 16)
    assert "never calibrated" in doubt_about(None, model=MODEL, basis=BASIS)
    assert strict.doubt
    assert doubt_about(strict, model=MODEL, basis=BASIS) == ""


def test_the_basis_changes_with_the_rubric_and_not_with_the_case() -> None:
    """What a case scripts for the judge is none of it."""
    rule = JudgeRule(name="tone", rubric="Says what to do next.")

    assert basis_of(rule) == basis_of(JudgeRule(name="other", rubric="Says what to do next.", min=2.0))
    assert basis_of(rule) != basis_of(JudgeRule(name="tone", rubric="Says what to do."))
    assert basis_of(rule) != basis_of(JudgeRule(name="tone", rubric="Says what to do next.", scale=(1, 3)))


def test_a_bad_score_in_doubt_is_a_warning() -> None:
    """It is told and does not fail; without doubt it fails; a good score passes and a broken judge is an error."""
    bad, good, broken = judgements_of([2, 5, None])
    sure, unsure = JudgeRule(name="tone", rubric="x"), JudgeRule(name="tone", rubric="x", doubt="kappa is 0.2")

    warned = verdict_of(bad, unsure, where="file:1")

    assert verdict_of(bad, sure, where="file:1").status == "fail"
    assert warned.status == "skip"
    assert warned.findings
    assert warned.reason.startswith(
        "warning, not counted: the judge 'tone' is not calibrated, kappa is 0.2. It says: 2 on"
    )
    assert verdict_of(good, unsure, where="file:1").status == "pass"
    assert verdict_of(broken, unsure, where="file:1").status == "error"
    assert list(doubt_notes([warned, warned])) == [
        "2 bad scores not counted: the judge 'tone' is not calibrated, kappa is 0.2"
    ]


def test_lines_for_a_person() -> None:
    """The table, the numbers with their intervals and method, and what is missing."""
    lines = list(calibration_lines([calibrate(labels_of([1, 2, 3, 4, 5, 5]), judgements_of([1, 2, 3, 4, 5]))]))

    assert lines[0] == "✗ tone: not calibrated"
    assert lines[1].endswith("over 5 cases may be as low as 0.57, below 0.60")
    assert "    unjudged   1 labelled: s/5" in lines
    assert "    kappa      1.00 (0.57 to 1.00 at 95%, no disagreement seen, Wilson), quadratic weights" in lines
    assert lines[-1].split() == ["5", "·", "·", "·", "·", "1"]


LABELS = """\
schema: 1
min_kappa: 0.5
labels:
  - {case: s/0, score: 4, by: ada, date: "2026-11-20"}
"""


def test_files_of_labels(tmp_path: Path) -> None:
    """The file's name is the judge's; without an accepted calibration there is none."""
    folder = tmp_path / "labels"
    folder.mkdir()
    (folder / "tone.yaml").write_text(LABELS)

    (labels,) = read_labels(tmp_path)

    assert (labels.judge, labels.scale, labels.min_kappa, labels.uncalibrated) == ("tone", (1, 5), 0.5, "warn")
    assert labels.labels == (Label(case="s/0", score=4, by="ada", date="2026-11-20", line=4),)
    assert read_calibrations(tmp_path) == {"tone": None}
    accepted = calibrate(labels_of(GOOD), judgements_of(GOOD))
    calibration_file(tmp_path, "tone").write_text(json.dumps({"calibration": accepted.to_json()}))
    found = read_calibrations(tmp_path)["tone"]
    assert found is not None
    assert (found.kappa, found.min_kappa) == (accepted.kappa, 0.5)
    assert read_labels(tmp_path / "nowhere") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LABELS.replace("score: 4", "score: 9"), "tone.yaml:4: the score 9 is not on the scale from 1 to 5"),
        (LABELS.replace("min_kappa", "min_kapa"), "unknown key 'min_kapa', did you mean 'min_kappa'?"),
        (LABELS.replace('"2026-11-20"', "yesterday"), "labels.0.date"),
        (LABELS.replace("schema: 1\n", ""), "key 'schema' is missing"),
        ("schema: [", "tone.yaml:1"),
    ],
)
def test_a_wrong_file_of_labels_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """With the line and what is wrong."""
    folder = tmp_path / "labels"
    folder.mkdir()
    (folder / "tone.yaml").write_text(text)

    with pytest.raises(E2iError) as refused:
        read_labels(tmp_path)

    assert message in str(refused.value)


def test_a_broken_calibration_is_refused(tmp_path: Path) -> None:
    """It is not taken for none: then bad scores would not count."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "tone.yaml").write_text(LABELS)
    calibration_file(tmp_path, "tone").write_text("{}")

    with pytest.raises(E2iError, match="the calibration cannot be read"):
        read_calibrations(tmp_path)


PEOPLE = [1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5]
JUDGE = [1, 2, 2, 3, 2, 2, 3, 3, 4, 3, 3, 4, 4, 3, 4, 4, 5, 4, 4, 5, 5, 5, 5, 4]


def test_the_reference_shows_what_is_printed() -> None:
    """The block in calibration.md is the output for these scores."""
    page = (ROOT / "docs" / "reference" / "calibration.md").read_text(encoding="utf-8")

    printed = calibration_lines([calibrate(labels_of(PEOPLE), judgements_of(JUDGE))])

    assert "\n".join(["```text", *printed, "```"]) in page


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints, says by its exit code whether all judges are calibrated, and writes only when told, and not in CI."""
    for variable in ("CI", "GITHUB_ACTIONS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.e2i_eval.targets.s]\nentry = "shop:build"\n')
    assert main(["calibrate"]) == 4
    assert "there are no labels" in capsys.readouterr().err
    folder = tmp_path / "golden" / "labels"
    folder.mkdir(parents=True)
    lines = [f'  - {{case: s/{at}, score: {score}, by: ada, date: "2026-11-20"}}' for at, score in enumerate(GOOD)]
    (folder / "tone.yaml").write_text("\n".join(["schema: 1", "labels:", *lines]))
    reports = [_report(tmp_path / name, scores) for name, scores in (("good", GOOD), ("bad", GOOD[::-1]))]

    good, bad = (main(["calibrate", str(report)]) for report in reports)
    written = calibration_file(tmp_path / "golden", "tone")
    assert (good, bad, written.exists()) == (0, 1, False)
    assert main(["calibrate", str(reports[0]), "--accept"]) == 0
    accepted = read_calibrations(tmp_path / "golden")["tone"]
    assert accepted is not None
    assert (accepted.doubt, accepted.model, accepted.basis) == ("", MODEL, BASIS)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    capsys.readouterr()
    assert main(["calibrate", str(reports[0]), "--accept"]) == 4
    assert "calibrations are read-only in CI (GITHUB_ACTIONS is set)" in capsys.readouterr().err


def _report(folder: Path, scores: Sequence[float | None]) -> Path:
    cases = tuple(
        CaseResult(case_id=each.case, target="s", nodeid="", where="", verdicts=(), judgements=(each,))
        for each in judgements_of(scores)
    )
    folder.mkdir()
    file = folder / "report.json"
    file.write_text(json.dumps(Report(session={"id": "x"}, environment={}, cases=cases).to_json()))
    return file
