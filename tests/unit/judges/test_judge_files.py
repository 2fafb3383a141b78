"""Judges in case files and in files of their own: what is read, and what is refused with a place and a way out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2i_eval.checks.judges.judge_lookup import called
from e2i_eval.core.errors import UsageError
from e2i_eval.core.judge_rule import JudgeAnswer
from e2i_eval.dataset.case_file.judges_file import read_judges
from e2i_eval.dataset.case_file.reader import read_case

if TYPE_CHECKING:
    from e2i_eval.core.judge_rule import JudgeRule

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "judges.md"


def read(folder: Path, judges: str) -> tuple[JudgeRule, ...]:
    """Return the judges of a case file with this list."""
    file = folder / "golden" / "cases" / "t" / "a.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"schema: 1\ninputs: {{}}\nexpect:\n  judges:\n{judges}")
    return read_case(file, root=folder, known_targets=["t"]).expect.judges


def test_a_rubric_and_a_scorer(tmp_path: Path) -> None:
    """A scorer is called like its class, and one answer may stand for a list of one."""
    rubric, scorer = read(
        tmp_path,
        "    - {name: tone, rubric: Polite., scale: [0, 10], min: 7, mock: {score: 8, reason: ok}}\n"
        "    - {scorer: mlflow.Correctness, expected_facts: [a], mock: [{passed: true}, {error: 529}]}\n",
    )

    assert (rubric.scale, rubric.min, rubric.mock) == ((0, 10), 7, (JudgeAnswer(score=8, reason="ok"),))
    assert (scorer.name, scorer.scale, scorer.min) == ("Correctness", (0, 1), 1)
    assert scorer.mock == (JudgeAnswer(score=1), JudgeAnswer(error=529))


@pytest.mark.parametrize(
    ("judge", "told"),
    [
        ("{name: a, rubric: x, mock: {score: 7}}", "the scale goes from 1 to 5"),
        ("{name: a, rubric: x, min: 0}", "the scale goes from 1 to 5"),
        ("{name: a, rubric: x, scale: [5, 1]}", "goes from 5 to 1"),
        ("{name: a, rubric: x, mock: {scor: 5}}", "did you mean 'score'"),
        ("{name: a, rubric: x, mock: {reason: y}}", "says nothing"),
        ("{name: a, rubric: x, guidelines: [y]}", "only scorer: mlflow.Guidelines"),
        ("{rubric: x}", "has no name"),
        ("{scorer: mlflow.Correctness}", "needs expected_facts or expected_response"),
        ("{scorer: mlflow.Guidelines}", "needs guidelines"),
        ("{scorer: mlflow.Correct, expected_facts: [x]}", "use one of mlflow.Completeness"),
        ("{scorer: mlflow.Safety, min: 1}", "a scorer says yes or no"),
        ("{name: a b, rubric: x}", "expect.judges.0.name"),
        ("{name: a, rubric: x, mock: []}", "expect.judges.0.mock"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path: Path, judge: str, told: str) -> None:
    """One message each, with the file and the line."""
    with pytest.raises(UsageError, match=re.escape(told)) as error:
        read(tmp_path, f"    - {judge}\n")

    assert "a.yaml:5" in str(error.value)


def test_two_judges_of_one_name_are_refused(tmp_path: Path) -> None:
    """Their verdicts could not be distinguished."""
    with pytest.raises(UsageError, match="another judge of this case"):
        read(tmp_path, "    - {name: a, rubric: x}\n    - {name: a, rubric: y}\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[judges.tone]\nmin = 4", "neither rubric nor scorer"),
        ('[judges.tone]\nrubric = "x"\nmock = {score = 5}', "judges.tone.mock"),
        ('[judges.tone]\nrubric = "x"\nmin = 9', "the scale goes from 1 to 5"),
        ('schema = 2\n[judges.tone]\nrubric = "x"', "schema"),
        ("judges = ", "cannot be read"),
    ],
)
def test_a_wrong_file_of_judges_is_told(tmp_path: Path, text: str, told: str) -> None:
    """A shared answer in mock mode is refused too: it would pass every case."""
    file = tmp_path / "judges.toml"
    file.write_text(text)

    with pytest.raises(UsageError, match=re.escape(told)) as error:
        read_judges(file)
    assert "judges.toml" in str(error.value)


def test_the_examples_of_the_page(tmp_path: Path) -> None:
    """Each case reads, and names judges that it or the file on the page describes."""
    page = PAGE.read_text(encoding="utf-8")
    blocks = dict.fromkeys(re.findall(r"```(yaml|toml)\n(.*?)```", page, flags=re.DOTALL))
    shared = next(text for kind, text in blocks if kind == "toml" and text.startswith("schema"))
    (tmp_path / "judges.toml").write_text(shared)
    judges = read_judges(tmp_path / "judges.toml")
    cases = [text for kind, text in blocks if kind == "yaml"]

    assert len(cases) == 2
    for text in cases:
        file = tmp_path / "golden" / "cases" / "t" / "a.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        case = read_case(file, root=tmp_path, known_targets=["t"])
        assert all(not rule.is_reference for rule in called(case.expect.judges, judges, where="a.yaml:1"))


def test_the_platforms_judges_are_described() -> None:
    """Every judge that a golden of the platform names is in its file."""
    judges = read_judges(ROOT / "evals" / "judges.toml")

    assert {"plain-words", "answers-the-question", "faithful"} <= judges.keys()
