"""The flag ``--e2i-ab`` in a small repository of its own, from commit to exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.conftest import Outcome, Project

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="wall time is too coarse for twenty pairs elsewhere")

CASE = """
schema: 1
inputs: {n: 1}
expect:
  output: {n: 2}
"""

QUICK = """
    import time

    def add(inputs):
        time.sleep(DURATION_S)
        return {"n": inputs["n"] + 1}
"""

AUTHOR = ("-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "init.defaultBranch=main")
ALONE = ("--e2i-target=quick", "-k", "ab::", "-p", "no:cacheprovider", "--e2i-store=temp")
WAIT_S = 60.0


@pytest.fixture(scope="module")
def repository(new_project: Callable[[], Project]) -> Project:
    """A repository with a commit for each tag, from ``absent`` to ``slow``."""
    project = new_project()
    project.write(".gitignore", ".e2i/\n__pycache__/\n")
    git(project, "init", "--quiet")
    commit(project, "absent")
    project.write("shop/quick.py", "other = 1\n")
    commit(project, "lacking")
    project.add_target("quick", entry="shop.quick:add", case=CASE)
    project.write("shop/quick.py", "import does_not_exist\n")
    commit(project, "broken")
    for name, duration in (("quick", "0.02"), ("same", "0.0200"), ("slow", "0.035")):
        project.write("shop/quick.py", QUICK.replace("DURATION_S", duration))
        commit(project, name)
    return project


def git(project: Project, *arguments: str) -> str:
    """Run git and return what it prints."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", *AUTHOR, *arguments]
    done = subprocess.run(command, cwd=project.folder, env=environ, capture_output=True, text=True, check=True)
    return done.stdout


def commit(project: Project, tag: str) -> None:
    """Commit everything and tag it."""
    git(project, "add", "-A")
    git(project, "commit", "--quiet", "-m", tag)
    git(project, "tag", tag)


def left_over(project: Project) -> list[str]:
    """Return what is left of worktrees, as git sees it and in the temporary folder."""
    listed = git(project, "worktree", "list").splitlines()[1:]
    return [*listed, *(path.name for path in project.temporary.glob("e2i-ab-*"))]


def shifts(outcome: Outcome) -> dict[str, str]:
    """Return the verdict on each part."""
    return {each["part"]: each["status"] for each in outcome.report["latency"]}


def test_a_slow_commit_is_found(repository: Project) -> None:
    """Fifteen milliseconds more: the item fails, says by how much, and so do table and report."""
    git(repository, "checkout", "--quiet", "slow")
    outcome = repository.run("--e2i-ab=quick", "--e2i-gate=latency:ab", *ALONE)

    assert outcome.code == 1
    assert [each["status"] for each in outcome.report["decisions"]] == ["fail"]
    assert shifts(outcome) == {"agent": "fail", "claude": "pass", "logging": "pass"}
    assert "quick has become slower" in outcome.screen
    assert "agent: slower twice: +15" in outcome.screen
    assert "✗ slower" in outcome.screen
    (agent, *_) = outcome.report["latency"]
    assert 20 <= agent["base_ms"] < agent["head_ms"]
    assert agent["shift_ms"]["low"] > agent["floor_ms"]
    assert outcome.report["cases"] == []
    assert left_over(repository) == []


def test_equal_commits_pass_and_the_users_tree_is_as_it_was(repository: Project) -> None:
    """Another commit of the same speed, with the changes of the user's left alone."""
    git(repository, "checkout", "--quiet", "same")
    repository.write("notes.txt", "mine")
    outcome = repository.run("--e2i-ab=quick", *ALONE)
    left = git(repository, "status", "--porcelain")
    (repository.folder / "notes.txt").unlink()

    assert outcome.code == 0, outcome.screen
    assert set(shifts(outcome).values()) == {"pass"}
    assert "its uncommitted changes" in outcome.screen
    assert left == "?? notes.txt\n"
    assert left_over(repository) == []


def test_a_base_that_does_not_import_says_so(repository: Project) -> None:
    """It is an error of the base's, shown with its place and what to try."""
    git(repository, "checkout", "--quiet", "same")
    outcome = repository.run("--e2i-ab=broken", *ALONE)

    assert outcome.code == 1
    assert "base: entry = 'shop.quick:add' of target 'quick' does not import" in outcome.screen
    assert "No module named 'does_not_exist'" in outcome.screen
    assert "the A/B latency test of quick broke" in outcome.report["problems"][0]
    assert left_over(repository) == []


@pytest.mark.parametrize("base", ["absent", "lacking"])
def test_a_target_that_the_base_does_not_have_is_inconclusive(repository: Project, base: str) -> None:
    """There is nothing to compare with, which is neither good nor bad."""
    git(repository, "checkout", "--quiet", "same")
    outcome = repository.run(f"--e2i-ab={base}", *ALONE)

    assert outcome.code == 6
    assert "the base has no 'shop.quick:add'" in " ".join(outcome.report["notes"])


def test_ctrl_c_leaves_no_worktree(repository: Project) -> None:
    """Nor a process."""
    git(repository, "checkout", "--quiet", "slow")
    process = repository.start("--e2i-ab=quick", *ALONE)
    deadline_s = time.monotonic() + WAIT_S
    while not left_over(repository) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert left_over(repository)
    process.send_signal(signal.SIGINT)
    outcome = repository.end(process)
    deadline_s = time.monotonic() + WAIT_S
    while left_over(repository) and time.monotonic() < deadline_s:  # the cleanup process outlives the session
        time.sleep(0.05)

    assert outcome.code == 2
    assert left_over(repository) == []


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--e2i-ab=mian",), "--e2i-ab=mian: there is no such revision here"),
        (("--e2i-ab=quick", "-n", "2"), "needs the machine for itself"),
        (("--e2i-ab=quick", "--e2i-claude=live"), "Claude's own time hides what the code takes"),
        (("--e2i-ab=quick", "--e2i-ab-budget=soon"), "--e2i-ab-budget=soon is no time"),
        (("--e2i-duet=mian",), "--e2i-ab=mian: there is no such revision here"),
        (("--e2i-ab=quick", "--e2i-duet=slow"), "--e2i-ab=quick and --e2i-duet=slow are the same option"),
    ],
)
def test_what_cannot_be_measured_is_refused_at_the_door(repository: Project, flags: tuple[str, ...], said: str) -> None:
    """Before a server is started."""
    outcome = repository.run(*flags, *ALONE)

    assert outcome.code == 4
    assert said in outcome.screen


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--e2i-duet=quick", "--e2i-duet-budget=5"), "duet"),
        (("-o", "e2i_duet=quick"), "ab::quick"),
        (("-o", "e2i_ab=quick", "--e2i-ab=quick", "--e2i-duet=quick"), "ab::"),
    ],
)
def test_the_former_names_still_work(repository: Project, flags: tuple[str, ...], word: str) -> None:
    """As flag, as ini option, as a rule and as a word for ``-k``, which finds the rule as well."""
    alone = ("--e2i-target=quick", "--e2i-gate=latency:duet", "-k", word, "-p", "no:cacheprovider")
    outcome = repository.run("--co", "-q", *flags, *alone)

    assert outcome.code == 0, outcome.screen
    assert outcome.screen.split()[:2] == ["ab::quick", "gate::latency:duet[quick]"]
    assert "deselected" in outcome.screen


def test_help_shows_the_new_name(repository: Project) -> None:
    """The former flag works and is not shown; its ini option says whose former name it is."""
    screen = repository.run("--help", "-p", "no:cacheprovider").screen

    assert "--e2i-ab=REF" in screen
    assert "--e2i-duet" not in screen
    assert "former name of e2i_ab" in screen
