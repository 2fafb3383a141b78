"""Annotations, JUnit properties, progress, commands, numbers: short texts for other programs and for a glance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from e2i_eval.report import annotation_lines, numbers
from e2i_eval.report.commands import rerun
from e2i_eval.report.progress import progress_line
from e2i_eval.report.properties import case_properties

if TYPE_CHECKING:
    from tests.unit.render.conftest import Maker


def test_a_good_run_has_no_annotation(make: Maker) -> None:
    """Silence is what a reviewer wants."""
    assert annotation_lines(make.report(make.case("a/b"), decisions=(make.decision(),))) == []


def test_an_annotation_names_file_and_line(make: Maker) -> None:
    """GitHub puts it beside the case, also when the project is a folder of the repository."""
    lines = annotation_lines(make.report(make.case("a/b", "fail")), folder="services/shop")

    assert lines[0] == "::group::e2i-eval annotations"
    assert lines[1].startswith("::error file=services/shop/golden/cases/a/b.yaml,line=1,title=a/b::logging: because%0A")
    assert lines[-1] == "::endgroup::"


def test_annotations_are_counted_beyond_ten(make: Maker) -> None:
    """GitHub shows ten; the last of ours says how many there are."""
    lines = annotation_lines(make.report(*(make.case(f"a/{number}", "fail") for number in range(30))))

    assert len(lines) == 12
    assert lines[-2] == "::error title=e2i-eval::and 21 more, all of them in report.html"


def test_nothing_foreign_becomes_a_command(make: Maker, hostile: str) -> None:
    """A line break in a reason does not begin a command of its own."""
    for line in annotation_lines(make.broken(hostile)):
        assert "\n" not in line
        assert line.startswith(("::group::", "::endgroup::", "::error ", "::warning "))


def test_properties_of_one_and_of_several_cases(make: Maker) -> None:
    """The second case of a test has names of its own, and what is unknown is absent."""
    one, two = make.case("a/b"), make.case("a/c", "fail", trace_ids=(), run_id="")

    told = case_properties([one, two], runs_url="https://mlflow/runs/")

    assert ("e2i.case_id", "a/b") in told
    assert ("e2i.run_url", "https://mlflow/runs/run-2") in told
    assert ("e2i.status.2", "fail") in told
    assert not [name for name, _ in told if name in {"e2i.trace_ids.2", "e2i.run_url.2", "e2i.output_tokens"}]


@pytest.mark.parametrize(
    ("done", "failed", "elapsed_s", "line"),
    [
        (0, 0, 0.0, "0/224"),
        (2, 1, 60.0, "2/224 · 1 failed"),
        (12, 1, 24.0, "12/224 · 1 failed · about 7:04 left"),
        (223, 0, 223.0, "223/224 · about 0:01 left"),
        (224, 0, 224.0, "224/224"),
    ],
)
def test_progress(done: int, failed: int, elapsed_s: float, line: str) -> None:
    """Counts at once, the time left as soon as it can be told."""
    assert progress_line(done, 224, failed=failed, elapsed_s=elapsed_s) == line


def test_the_command_that_repeats(make: Maker) -> None:
    """A plain id is a word of -k, another one is named by its item, and many are what failed last."""
    strange = make.case("a/b c;rm", nodeid="golden/cases/a/b c;rm.yaml::a/b c;rm")

    assert rerun([make.case("a/b"), make.case("a/c")]) == "pytest --e2i-eval -k 'a/b or a/c'"
    assert rerun([strange]) == "pytest --e2i-eval 'golden/cases/a/b c;rm.yaml::a/b c;rm'"
    assert rerun([make.case(f"a/{number}") for number in range(9)]) == "pytest --e2i-eval --lf"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (8020.0, 8356.0, "+336 (+4.2%)"),
        (1.0, 0.944, "−0.056 (−5.6%)"),  # noqa: RUF001  a minus as typeset
        (0.0, 2.0, "+2"),
        (339_118.0, 305_206.2, "−33,912 (−10.0%)"),  # noqa: RUF001  as above
        (None, 2.0, "unknown"),
        (1.0, math.nan, "unknown"),
    ],
)
def test_a_change_in_numbers(before: float | None, after: float, text: str) -> None:
    """Its own unit first, percent where there is something to compare with."""
    assert numbers.change(before, after) == text
