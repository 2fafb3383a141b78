"""The base's files: which commit, whose code is imported, and that nothing is left however a session ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from e2i_eval.benchmark.ab.revision import find_revision
from e2i_eval.benchmark.ab.source_roots import own_roots
from e2i_eval.benchmark.ab.worktree import Worktree
from e2i_eval.core.errors import UsageError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="worktrees need POSIX")

AUTHOR = ("-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "init.defaultBranch=main")
WAIT_S = 30.0


def git(folder: Path, *arguments: str) -> str:
    """Run git and return what it prints."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *AUTHOR, *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout


def commit(folder: Path, message: str) -> None:
    """Commit everything."""
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", message)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two commits, and a temporary folder in which what is left over shows."""
    folder = tmp_path / "repository"
    (folder / "src" / "shop").mkdir(parents=True)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    git(folder, "init", "--quiet")
    for version in ("old", "new"):
        (folder / "src" / "shop" / "__init__.py").write_text(f"VERSION = {version!r}\n")
        commit(folder, version)
    return folder


def left_over(repository: Path) -> list[str]:
    """Return what a session has left: worktrees that git knows of, and folders."""
    trees = [line for line in git(repository, "worktree", "list", "--porcelain").splitlines() if "e2i-ab-" in line]
    return [*trees, *(path.name for path in (repository.parent / "tmp").iterdir())]


def wait_until_clean(repository: Path) -> list[str]:
    """Wait until nothing is left; return what is when that takes too long."""
    deadline_s = time.monotonic() + WAIT_S
    while left_over(repository) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    return left_over(repository)


def test_the_base_is_checked_out_and_removed(repository: Path) -> None:
    """The tree holds the other commit, and is gone after close, which may come twice."""
    tree = Worktree(find_revision("HEAD~1", repository))

    assert (tree.path / "src" / "shop" / "__init__.py").read_text() == "VERSION = 'old'\n"
    assert not tree.path.is_relative_to(repository)
    tree.close()
    tree.close()
    assert left_over(repository) == []


def test_nothing_of_the_user_changes(repository: Path) -> None:
    """Index, stash, hooks, branches and uncommitted files are as before, and no hook ran."""
    (repository / "src" / "shop" / "__init__.py").write_text("VERSION = 'stashed'\n")
    git(repository, "stash")
    (repository / "staged.txt").write_text("staged")
    git(repository, "add", "staged.txt")
    (repository / "untracked.txt").write_text("untracked")
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {repository.parent / 'hooked'}\n")
    hook.chmod(0o755)

    def state() -> tuple[str, ...]:
        asked = ("status --porcelain", "stash list", "branch -a", "rev-parse HEAD", "config --list --local")
        return tuple(git(repository, *command.split()) for command in asked)

    before = state()
    tree = Worktree(find_revision("HEAD", repository))
    during = state()
    tree.close()

    assert before == during == state()
    assert not (repository.parent / "hooked").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_session_that_is_ended_leaves_no_worktree(repository: Path, number: signal.Signals) -> None:
    """The cleanup process outlives it."""
    script = """
        import sys, tempfile, time
        from pathlib import Path
        from e2i_eval.benchmark.ab.revision import find_revision
        from e2i_eval.benchmark.ab.worktree import Worktree
        tempfile.tempdir = sys.argv[2]
        tree = Worktree(find_revision("HEAD", Path(sys.argv[1])))
        print(tree.path, flush=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(repository), str(repository.parent / "tmp")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert Path(process.stdout.readline().strip()).is_dir()
        process.send_signal(number)

    assert wait_until_clean(repository) == []


def test_what_even_the_caretaker_left_is_removed_by_the_next_session(repository: Path) -> None:
    """The machine went down: folder and entry are there, and nobody holds the lock."""
    first = Worktree(find_revision("HEAD", repository))
    first._cleanup.kill()  # noqa: SLF001  as when the machine goes down
    first.close()
    assert left_over(repository)

    Worktree(find_revision("HEAD", repository)).close()

    assert left_over(repository) == []


def test_a_worktree_of_the_users_stays(repository: Path) -> None:
    """Also one whose folder is away, which `git worktree prune` would forget."""
    git(repository, "worktree", "add", "--quiet", "--detach", str(repository.parent / "mine"))
    (repository.parent / "mine").rename(repository.parent / "away")

    Worktree(find_revision("HEAD", repository)).close()

    assert str(repository.parent / "mine") in git(repository, "worktree", "list")


def test_a_session_in_use_is_not_taken_for_an_abandoned_one(repository: Path) -> None:
    """Two sessions at once."""
    first = Worktree(find_revision("HEAD", repository))
    second = Worktree(find_revision("HEAD~1", repository))

    assert first.path.is_dir()
    first.close()
    second.close()
    assert left_over(repository) == []


def test_an_unknown_revision_is_refused(repository: Path) -> None:
    """With what there is instead."""
    with pytest.raises(UsageError) as refused:
        find_revision("mian", repository)

    assert refused.value.what == "--e2i-ab=mian: there is no such revision here"
    assert refused.value.fix == (
        "use a commit, a tag or a branch, e.g. main; a branch that is only on the server needs `git fetch` first"
    )


def test_a_revision_that_looks_like_an_option_is_refused(repository: Path) -> None:
    """Git must not take it for one."""
    with pytest.raises(UsageError, match="no such revision"):
        find_revision("--all", repository)


def test_a_shallow_clone_says_so(repository: Path) -> None:
    """As CI checks out by default."""
    shallow = repository.parent / "shallow"
    git(repository, "clone", "--quiet", "--depth=1", f"file://{repository}", str(shallow))

    with pytest.raises(UsageError, match="this clone is shallow") as refused:
        find_revision("HEAD~1", shallow)

    assert "fetch-depth: 0" in str(refused.value)


def test_outside_a_repository_there_is_no_ab_test(tmp_path: Path) -> None:
    """Nothing to compare with."""
    with pytest.raises(UsageError, match="is not in a git working tree"):
        find_revision("HEAD", tmp_path)


def test_a_project_that_did_not_exist_yet_is_refused(repository: Path) -> None:
    """A folder of a larger repository, made after the base."""
    (repository / "later").mkdir()
    (repository / "later" / "a.txt").write_text("a")
    commit(repository, "later")

    with pytest.raises(UsageError, match="has no folder later"):
        find_revision("HEAD~1", repository / "later")


def test_what_a_reader_should_know_is_noted(repository: Path) -> None:
    """Uncommitted changes, a base that is the head, submodules."""
    (repository / ".gitmodules").write_text("")
    commit(repository, "modules")
    (repository / "new.txt").write_text("new")

    assert find_revision("HEAD", repository).notes == (
        "the A/B latency test's head is the working tree with its uncommitted changes, its base HEAD",
        "the A/B latency test's base HEAD is the commit that is checked out",
        "the repository has submodules: in the A/B latency test's base they are empty",
    )
    assert find_revision("HEAD~2", repository).notes == (
        "the A/B latency test's head is the working tree with its uncommitted changes, its base HEAD~2",
    )


def test_a_hook_of_git_does_not_lead_elsewhere(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pre-push hook git names its repository and index in the environment."""
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")

    tree = Worktree(find_revision("HEAD~1", repository))
    tree.close()

    assert left_over(repository) == []


def test_installed_packages_are_no_sources(tmp_path: Path) -> None:
    """A virtual environment inside the repository is not the project's code."""
    paths = ["", "/usr/lib", str(tmp_path / "src"), str(tmp_path / ".venv/lib/python3/site-packages"), str(tmp_path)]

    assert own_roots(paths, tmp_path.resolve()) == ("src", ".")


IMPORTING = """
    import importlib.util, sys
    from pathlib import Path
    from e2i_eval.benchmark.ab.source_roots import SourceTree

    head, base, how = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

    class Editable:  # as setuptools' and hatchling's hooks do it
        def find_spec(self, name, path=None, target=None):
            file = head / "src" / "shop" / "__init__.py"
            return importlib.util.spec_from_file_location(name, file) if name == "shop" else None

    if how == "hook":
        sys.meta_path.insert(0, Editable())
    else:
        sys.path.insert(0, str(head / "src"))
    tree = SourceTree(base, head)
    if how != "unknown":
        tree.add(["src"])
    else:
        sys.path.insert(0, str(head / "src"))
    import shop
    print(shop.VERSION, *tree.roots())
    tree.refuse_strangers("shop:build", "pyproject.toml:1")
"""


@pytest.mark.parametrize("how", ["hook", "path", "unknown"])
def test_the_base_runs_its_own_code(repository: Path, how: str) -> None:
    """However the project is installed; and when that fails it is an error, not a comparison with itself."""
    tree = Worktree(find_revision("HEAD~1", repository))
    command = [sys.executable, "-c", textwrap.dedent(IMPORTING), str(repository), str(tree.path), how]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    tree.close()

    if how == "unknown":
        assert "is imported from" in done.stderr
        assert done.returncode
    else:
        assert (done.returncode, done.stdout.strip()) == (0, "old src")
