"""A baseline's files: what is written is read again, and what is wrong with them is named."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.behaviour import Behaviour
from e2i_eval.core.errors import UsageError
from e2i_eval.gate.baseline import Baseline, baseline_of, compare, is_name, read_baseline, write_baseline
from e2i_eval.gate.baseline.encoding import digest

if TYPE_CHECKING:
    from pathlib import Path

    from e2i_eval.runner.report import Report


@pytest.fixture
def file(tmp_path: Path, baseline: Baseline) -> Path:
    """Return the file of a written baseline."""
    return write_baseline(tmp_path, baseline)


def _refusal(golden: Path, name: str = "main") -> UsageError:
    with pytest.raises(UsageError) as refusal:
        read_baseline(golden, name)
    return refusal.value


def test_what_is_written_is_read_again(tmp_path: Path, file: Path, baseline: Baseline) -> None:
    """By name and by path, and nothing else is left in the folder."""
    assert read_baseline(tmp_path, "main") == baseline
    assert read_baseline(tmp_path / "elsewhere", str(file)) == baseline
    assert sorted(each.name for each in file.parent.iterdir()) == ["main.json", "main.prompts.json"]


def test_everything_unusual_is_read_again(tmp_path: Path, report: Report) -> None:
    """Errors, unanswered calls, unknown behaviour, odd characters, live means, unstable repetitions."""
    first, other = report.cases
    assert first.behaviour is not None
    call = replace(
        first.behaviour.calls[0],
        prompt=("[user]", "half a pair \ud83d, a line\u2028separator", "[user]", ""),
        input_tokens=None,
        output_tokens=None,
        cache_read_tokens=3,
        requests=2,
        tools=("a", "b"),
    )
    odd = replace(first, behaviour=Behaviour(calls=(call,), error="ValueError"), measurements={"input_tokens": 1.5})
    cases = (odd, replace(odd, repeat=1, behaviour=None), replace(other, behaviour=None))
    baseline = baseline_of(replace(report, cases=cases), name="v4.1", reason="ü", at="now")

    write_baseline(tmp_path, baseline)

    assert read_baseline(tmp_path, "v4.1") == baseline
    assert baseline.cases["support/refund"].unstable == ("behaviour",)


def test_equal_runs_give_equal_files(tmp_path: Path, report: Report, file: Path, baseline: Baseline) -> None:
    """The order in which cases ended does not count."""
    before = file.read_bytes()
    mixed = baseline_of(
        replace(report, cases=report.cases[::-1]), name="main", reason="first", at=baseline.acceptance.at
    )

    write_baseline(tmp_path, mixed)

    assert file.read_bytes() == before


@pytest.mark.parametrize("key", ["name", "accepted", "claude", "prices", "environment", "prompts", "cases", "new"])
def test_an_edit_of_any_key_is_refused(tmp_path: Path, file: Path, key: str) -> None:
    """Whatever is changed by hand, the digest shows it."""
    document = json.loads(file.read_text())
    file.write_text(json.dumps({**document, key: "edited"}))

    assert "changed by hand" in _refusal(tmp_path).what


def test_an_edit_of_a_case_is_refused_with_the_way_to_accept(tmp_path: Path, file: Path) -> None:
    """To make a failing comparison pass, a person has to accept a run."""
    file.write_text(file.read_text().replace('"input_tokens": 10,', '"input_tokens": 11,', 1))

    refusal = _refusal(tmp_path)

    assert refusal.what == "the baseline was changed by hand: its content does not agree with its digest"
    assert refusal.where == str(file)
    assert 'e2i-eval baseline accept latest --reason "..."' in (refusal.fix or "")


def test_another_layout_is_no_edit(tmp_path: Path, file: Path, baseline: Baseline) -> None:
    """A formatter may have been at it."""
    file.write_text(json.dumps(json.loads(file.read_text()), indent=4, sort_keys=True))

    assert read_baseline(tmp_path, "main") == baseline


def test_an_edited_prompt_is_refused(tmp_path: Path, file: Path) -> None:
    """The prompts are locked by the main file."""
    prompts = file.with_name("main.prompts.json")
    prompts.write_text(prompts.read_text().replace("Be brief.", "Be long."))

    assert _refusal(tmp_path).what == "the prompts are not those of main.json"


def test_missing_prompts_are_named(tmp_path: Path, file: Path) -> None:
    """Half a baseline is none."""
    file.with_name("main.prompts.json").unlink()

    assert "main.prompts.json, which is missing" in _refusal(tmp_path).what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "the file is no JSON"),
        ("", "the file is no JSON"),
        ("[]", "the file is no baseline: its schema is None, not 1"),
        ('{"schema": 2}', "the file has schema 2, this version of e2i-eval knows schema 1"),
        ('{"schema": "1"}', "the file is no baseline"),
        ('{\n<<<<<<< HEAD\n"schema": 1\n=======\n>>>>>>> other\n}', "the file is in the middle of a merge"),
    ],
)
def test_a_file_that_is_no_baseline_says_what_it_is(tmp_path: Path, file: Path, text: str, what: str) -> None:
    """Each with one sentence and the way out."""
    file.write_text(text)

    refusal = _refusal(tmp_path)

    assert what in refusal.what
    assert refusal.fix


def test_conflict_markers_are_named_with_their_line(tmp_path: Path, file: Path) -> None:
    """In the file of the prompts too."""
    prompts = file.with_name("main.prompts.json")
    prompts.write_text("{\n<<<<<<< HEAD\n")

    assert _refusal(tmp_path).where == f"{prompts}:2"


def test_a_baseline_that_is_not_there_names_those_that_are(tmp_path: Path, file: Path) -> None:
    """With the nearest name, or all, or how to make the first."""
    assert file.exists()
    assert _refusal(tmp_path, "mian").fix == "did you mean 'main'?"
    assert _refusal(tmp_path, "v9").fix == "use one of main"
    assert "accept a first run" in (_refusal(tmp_path / "empty").fix or "")


def test_a_locked_file_of_a_wrong_form_is_damaged(tmp_path: Path, file: Path) -> None:
    """A digest says who wrote it, not that it can be read."""
    document = json.loads(file.read_text())
    del document["digest"], document["accepted"]
    file.write_text(json.dumps({**document, "digest": digest(document)}))

    assert _refusal(tmp_path).what == "the baseline is damaged: KeyError 'accepted'"


def test_names_cannot_leave_the_folder() -> None:
    """A name is a file's name and nothing more."""
    assert is_name("main")
    assert is_name("v4.1")
    assert not any(map(is_name, ("", "../main", "a/b", ".hidden", "main.json", "main.prompts", "a b")))


def test_a_written_baseline_finds_nothing_in_its_own_run(tmp_path: Path, file: Path, report: Report) -> None:
    """The whole way: report, file, comparison."""
    assert file.exists()
    assert compare(read_baseline(tmp_path, "main"), report).is_empty
