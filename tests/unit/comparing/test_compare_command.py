"""``e2i-eval compare`` with report files, and with the store they were recorded in."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2i_eval import tracking
from e2i_eval.cli import main
from e2i_eval.core.errors import UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.comparing.conftest import Maker

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "compare.md"
ACCEPTED, NEWER = "a" * 32, "b" * 32


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Maker) -> Path:
    """Stand in a folder with three reports: one, the same again, and one that is worse."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.e2i_eval.targets.support]\nentry = "shop.agents:build"\n')
    good = make.run(make.case("support/a"), make.case("support/b"), name="x")
    worse = make.run(make.case("support/a", "fail"), make.case("support/b"), name="y")
    dearer = make.run(make.case("support/a", input_tokens=103.0), make.case("support/b"), name="z")
    part = replace(good, cases=good.cases[:1])
    runs = {".e2i/report": good, "before/report": good, "worse": worse, "dearer": dearer, "part": part}
    for name, run in runs.items():
        file = tmp_path / f"{name}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(run.to_json()))
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("before latest", 0),
        ("before/report.json .e2i", 0),
        ("latest worse.json", 1),
        ("worse.json latest", 0),
        ("latest dearer.json", 1),
        ("latest dearer.json --tolerance=5%", 0),
        ("latest dearer.json --tolerance=2", 1),
        ("latest part.json", 6),
        ("latest part.json worse.json", 1),
    ],
)
def test_the_exit_code_is_the_verdict(words: str, code: int) -> None:
    """0 nothing worse, 1 worse, 6 undecided."""
    assert main(["compare", *shlex.split(words)]) == code


def test_files_need_no_project(project: Path) -> None:
    """Two reports that somebody downloaded."""
    (project / "pyproject.toml").unlink()

    assert main(["compare", "before", "worse.json"]) == 1
    assert main(["compare", "before", "latest"]) == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("latest nowhere", "there is no run 'nowhere'"),
        ("latest 'no name'", "there is no run 'no name'"),
        ("latest worse.json --tolerance=much", "--tolerance=much is not a percentage"),
        ("latest worse.json --tolerance=-1", "--tolerance=-1 is not a percentage"),
        (f"latest {ACCEPTED}", "there is no run"),
        ("latest worse.json --html=worse.json/x.html", "--html worse.json/x.html cannot be written"),
        (" ".join(["latest"] * 27), "27 runs are too many"),
    ],
)
def test_bad_words_are_explained(capsys: pytest.CaptureFixture[str], words: str, said: str) -> None:
    """With exit code 4."""
    assert main(["compare", *shlex.split(words)]) == 4
    assert said in capsys.readouterr().err


def test_files_are_written(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All forms at once; Markdown without a file goes to the screen in place of the table."""
    assert main(["compare", "latest", "worse.json", "--html=out/c.html", "--markdown=c.md", "--json=c.json"]) == 1
    assert (project / "out" / "c.html").read_text().startswith("<!doctype html>")
    assert (project / "c.md").read_text().startswith("## ❌ Worse")
    assert json.loads((project / "c.json").read_text())["status"] == "fail"

    capsys.readouterr()
    main(["compare", "latest", "worse.json", "--markdown"])
    assert capsys.readouterr().out.startswith("## ❌ Worse")


def test_secrets_are_masked(
    project: Path, make: Maker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In every form, the data included."""
    monkeypatch.setenv("SHOP_TOKEN", "hunter2-hunter2")
    run = make.run(make.case("support/a", "fail", why="got hunter2-hunter2"), make.case("support/b"), name="y")
    (project / "leaky.json").write_text(json.dumps(run.to_json()))

    main(["compare", "latest", "leaky.json", "--html=c.html", "--json=c.json"])

    texts = [capsys.readouterr().out, (project / "c.html").read_text(), (project / "c.json").read_text()]
    assert all("masked" in text and "hunter2-hunter2" not in text for text in texts)


class Sessions:
    """A store of two sessions: an accepted one, and a newer one on a branch."""

    def __init__(self, project: Path) -> None:
        self.files = {ACCEPTED: project / "before" / "report.json", NEWER: project / "worse.json"}
        self.asked: list[tuple[str, str]] = []

    def file(self, run_id: str, _: str) -> str:
        """Return a report."""
        if run_id not in self.files:
            message = "there is no such run"
            raise UnknownError(message)
        return self.files[run_id].read_text()

    def baseline_run(self, name: str) -> str | None:
        """Return the run of a baseline."""
        return ACCEPTED if name in {"main", "v1"} else None

    def newest(self, tag: str, value: str) -> str | None:
        """Return the newest run of a commit or a branch."""
        self.asked.append((tag, value))
        return NEWER if value in {"main", "feature/x", "abcdef1%"} else None


@pytest.fixture
def opened(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[Sessions]:
    """Put a store in place, and note how often it is opened."""
    found: list[Sessions] = []

    @contextmanager
    def session_runs(*_: object, **__: object) -> Iterator[Sessions]:
        found.append(Sessions(project))
        yield found[-1]

    monkeypatch.setattr(tracking, "session_runs", session_runs)
    (project / ".e2i" / "mlflow").mkdir()
    return found


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (f"{ACCEPTED} {NEWER}", 1),
        ("v1 feature/x", 1),
        ("v1 abcdef1", 1),
        ("baseline:main git:main", 1),
        ("baseline:main v1", 0),
        (f"latest {ACCEPTED}", 0),
        ("latest baseline:feature/x", 4),
        ("latest git:v1", 4),
        (f"latest {'c' * 32}", 4),
    ],
)
def test_runs_of_a_store_have_many_names(opened: list[Sessions], words: str, code: int) -> None:
    """Which is opened once, however many of them are named."""
    assert main(["compare", *words.split()]) == code
    assert len(opened) == 1


def test_a_name_with_two_meanings_is_refused(opened: list[Sessions], capsys: pytest.CaptureFixture[str]) -> None:
    """Main is a baseline and a branch; which of them is meant, only a person knows."""
    assert main(["compare", "latest", "main"]) == 4
    assert "type baseline:main or git:main" in capsys.readouterr().err
    assert opened


def test_a_report_kept_in_the_store_needs_no_server(opened: list[Sessions], project: Path) -> None:
    """Its own folder has the file."""
    folder = project / ".e2i" / "mlflow" / "artifacts" / "1" / ACCEPTED / "artifacts"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text((project / "before" / "report.json").read_text())

    assert main(["compare", "latest", ACCEPTED]) == 0
    assert opened == []


def test_a_revision_of_the_repository_is_a_commit(opened: list[Sessions], project: Path) -> None:
    """A git tag is resolved here; sessions are marked with commits."""
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for command in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "-m", "x"], ["tag", "v2"]):
        subprocess.run([*git, *command], cwd=project, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, check=True, capture_output=True, text=True)

    assert main(["compare", "latest", "git:v2"]) == 4
    assert opened[0].asked[0] == ("e2i_eval.git_commit", head.stdout.strip())


def test_help_is_light() -> None:
    """Nothing heavy is imported before a run is compared."""
    code = (
        "import sys, e2i_eval.cli as c\n"
        "try: c.main(['compare', '--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numpy', 'scipy', 'mlflow', 'rich', 'jinja2', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_the_commands_of_the_page_work(opened: list[Sessions], project: Path) -> None:
    """Each of them finds its runs."""
    (project / "main.json").write_text((project / "before" / "report.json").read_text())
    commands = re.findall(r"^e2i-eval (compare .+)$", PAGE.read_text(), flags=re.MULTILINE)

    assert len(commands) >= 4
    assert {main(shlex.split(command)) for command in commands} <= {0, 1}
    assert opened
