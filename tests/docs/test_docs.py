"""What the documentation shows is executed, read or compared: nothing in it is a promise alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from e2i_eval.dataset.case_file.reader import read_case
from e2i_eval.report import summary_lines
from e2i_eval.runner.config.options import OPTIONS
from e2i_eval.runner.config.settings import read_settings
from e2i_eval.runner.report import Report

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
README = ROOT / "README.md"
API_PAGE = ROOT / "docs" / "reference" / "api.md"
VARYING = re.compile(r"\S+/\S+(?=\s+\S+ %$)|\s+")
"""The table's latencies, and its spacing."""


def blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file of the repository."""
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("command", re.findall(r"^\$ make (\w+)", README.read_text(), flags=re.MULTILINE))
def test_make_commands_exist(command: str) -> None:
    """The commands of the README are targets of the Makefile."""
    subprocess.run(["make", "--dry-run", command], cwd=ROOT, check=True, capture_output=True)


def test_the_readme_project_works(shop: Path, pytester: pytest.Pytester) -> None:
    """The toml entry, the case and the test of the README, put into the outside project, are green."""
    (toml,), (case,), (test,) = (blocks(README, language) for language in ("toml", "yaml", "python"))
    (shop / "pyproject.toml").write_text(toml)
    (shop / "golden" / "cases" / "support" / "refund.yaml").write_text(case)
    (shop / "evals").mkdir()
    (shop / "evals" / "test_support.py").write_text(test)

    result = pytester.runpytest_subprocess("--e2i-eval", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.OK


def test_the_example_of_the_api_runs() -> None:
    """It asserts what it shows, in an interpreter of its own."""
    program, *_ = blocks(API_PAGE, "python")

    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_custom_checks_of_the_api_judge(shop: Path, pytester: pytest.Pytester) -> None:
    """Module, table, case key and test of the page, put into the outside project, are green."""
    _, module, test = blocks(API_PAGE, "python")
    (toml,) = blocks(API_PAGE, "toml")
    (shop / "pyproject.toml").write_text(toml)
    (shop / "shop" / "tone.py").write_text(module)
    (shop / "evals").mkdir()
    (shop / "evals" / "test_tone.py").write_text(test)
    case = shop / "golden" / "cases" / "support" / "dated.yaml"
    (key,) = re.findall(r"for that case: `(checks: .*?)`", API_PAGE.read_text())
    case.write_text((case.parent / "refund.yaml").read_text() + f"{key}\n")

    result = pytester.runpytest_subprocess("--e2i-eval", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=4)
    report = json.loads((shop / ".e2i" / "report.json").read_text())
    judged = {verdict["check"] for case in report["cases"] for verdict in case["verdicts"]}
    assert {"one_trace", "names_the_day", "is_short"} <= judged


def test_the_readme_shows_what_make_eval_prints() -> None:
    """The table is the one of the last ``make eval`` here, latencies apart."""
    file = ROOT / ".e2i" / "report.json"
    report = Report.from_json(json.loads(file.read_text())) if file.exists() else None
    if report is None or len(report.targets()) < len(read_settings(ROOT, {}, cache=ROOT, invocation=ROOT).targets):
        pytest.skip("no report of a whole `make eval` is here")
    printed = [VARYING.sub(" ", line) for line in summary_lines(report, color=False)]

    shown = [VARYING.sub(" ", line) for line in blocks(README, "text")[0].splitlines()]

    assert [line for line in shown if "✓" in line] == [line for line in printed if "✓" in line]


def test_every_flag_is_documented() -> None:
    """The page of flags names each flag and each key that a file may set."""
    page = (ROOT / "docs" / "reference" / "flags.md").read_text()

    for option in OPTIONS:
        assert f"`{option.flag}" in page
        assert not option.toml or f"`{option.name}`" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_case_examples_are_cases(page: Path, tmp_path: Path) -> None:
    """Every YAML block that calls itself a case file is one."""
    for text in blocks(page, "yaml"):
        named = re.match(r"# (golden/cases/(\w+)/\S+\.yaml)", text)
        if named:
            file = tmp_path / named[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            assert read_case(file, root=tmp_path, known_targets=[named[2]]).inputs


def test_the_command_helps() -> None:
    """``e2i-eval --help`` and ``e2i-eval ui --help`` say what they do."""
    for arguments in (["--help"], ["ui", "--help"]):
        done = subprocess.run(
            [sys.executable, "-m", "e2i_eval", *arguments], check=True, capture_output=True, text=True
        )
        assert "store" in done.stdout
