"""Report files: whole or not at all, and what could not be written is a problem of the report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from e2i_eval.runner.report import Report
from e2i_eval.runner.report_files import report_texts, write_report

if TYPE_CHECKING:
    from pathlib import Path

REPORT = Report(session={}, environment={}, cases=())


def broken(report: Report) -> str:
    """Fail as a template may."""
    message = f"no such thing in {len(report.cases)} cases"
    raise KeyError(message)


def test_all_files_are_written(tmp_path: Path) -> None:
    """Each renderer's text is in the file of its name, and nothing else is there."""
    report = write_report(tmp_path / "new", REPORT, {"report.md": lambda _: "# é"})

    assert {file.name for file in (tmp_path / "new").iterdir()} == {"report.json", "report.md"}
    assert (tmp_path / "new" / "report.md").read_text(encoding="utf-8") == "# é"
    assert report.problems == ()


def test_a_broken_renderer_is_a_problem(tmp_path: Path) -> None:
    """The results are written nevertheless, and tell of it, as do the files that come after."""
    seen: list[Report] = []

    def noted(report: Report) -> str:
        seen.append(report)
        return ""

    report = write_report(tmp_path, REPORT, {"report.html": broken, "report.md": noted})

    (problem,) = report.problems
    assert problem == "report.html could not be written: KeyError: 'no such thing in 0 cases'"
    assert json.loads((tmp_path / "report.json").read_text())["problems"] == [problem]
    assert seen[0].problems == (problem,)
    assert not (tmp_path / "report.html").exists()


def test_a_folder_in_the_way_is_a_problem(tmp_path: Path) -> None:
    """A file that cannot take its place leaves no half of itself behind."""
    (tmp_path / "report.md" / "x").mkdir(parents=True)
    (tmp_path / "report.json" / "x").mkdir(parents=True)

    report = write_report(tmp_path, REPORT, {"report.md": lambda _: "text"})

    assert [problem.partition(":")[0] for problem in report.problems] == [
        "report.md could not be written",
        "the report could not be written",
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"report.md", "report.json"}


def test_what_cannot_be_made_is_no_artifact() -> None:
    """The server gets what there is."""
    texts = report_texts(REPORT, {"report.html": broken, "report.md": lambda _: "text"})

    assert set(texts) == {"report.json", "report.md"}
