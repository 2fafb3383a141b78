"""A revision: what git says of the repository and of the commit to compare with. Changes nothing."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from e2i_eval.core.errors import UsageError

__all__ = ["Revision", "find_revision", "git"]

GIT_TIMEOUT_S = 60.0
GIT_PREFIX = "GIT_"
FULL_FETCH = "git fetch --unshallow (GitHub Actions: actions/checkout with fetch-depth: 0)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """The commit to compare with, and where.

    Attributes:
        ref: as the user named it.
        commit: its full id.
        top: top of the working tree; resolved.
        project: the project's folder, relative to it.
        notes: what a reader of the figures should know, one sentence each.
    """

    ref: str
    commit: str
    top: Path
    project: Path
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name and short id."""
        return f"{self.ref} ({self.commit[:7]})"


def find_revision(ref: str, root: Path) -> Revision:
    """Find the commit that ``ref`` names in the repository of ``root``.

    Raises:
        UsageError: there is no git, no repository, or no such commit.
    """
    top_text = git("rev-parse", "--show-toplevel", cwd=root, refusal=_no_repository(ref, root))
    if not top_text:  # a bare repository, or the inside of .git
        raise _no_repository(ref, root)
    top = Path(top_text).resolve()
    commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", cwd=root)
    if not commit:
        raise _no_commit(ref, root)
    project = root.resolve().relative_to(top)
    if git("cat-file", "-t", f"{commit}:{project.as_posix() if project.parts else ''}", cwd=top) != "tree":
        what = f"--e2i-ab={ref}: {commit[:7]} has no folder {project}"
        raise UsageError(what, fix="name a revision that has the project")
    return Revision(ref=ref, commit=commit, top=top, project=project, notes=tuple(_notes(ref, commit, top)))


def git(*arguments: str, cwd: Path, refusal: UsageError | None = None) -> str:
    """Return what git prints; empty when it fails and there is no ``refusal``.

    What a hook of git has set in the environment is left out: it may name another repository.

    Raises:
        UsageError: ``refusal``, when git fails; or git is not there.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith(GIT_PREFIX)}
    try:
        done = subprocess.run(  # noqa: S603  no shell
            ["git", *arguments],  # noqa: S607  whichever git the user has
            cwd=cwd,
            env={**environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
            capture_output=True,
            text=True,
            check=False,
            timeout=GIT_TIMEOUT_S,
        )
    except FileNotFoundError:
        what = "git is not installed, and --e2i-ab needs it"
        raise UsageError(what, fix="install git, or leave --e2i-ab out") from None
    except subprocess.TimeoutExpired:
        what = f"git {arguments[0]} took longer than {GIT_TIMEOUT_S:g} s"
        raise UsageError(what, where=str(cwd)) from None
    if done.returncode and refusal is not None:
        said = (done.stderr.strip().splitlines() or [""])[-1]
        what = f"{refusal.what} (git: {said})" if said else refusal.what
        raise UsageError(what, where=refusal.where, fix=refusal.fix)
    return done.stdout.strip() if not done.returncode else ""


def _no_repository(ref: str, root: Path) -> UsageError:
    what = f"--e2i-ab={ref}: {root} is not in a git working tree"
    return UsageError(what, fix="run it in a clone of the repository, or leave --e2i-ab out")


def _no_commit(ref: str, root: Path) -> UsageError:
    what = f"--e2i-ab={ref}: there is no such revision here"
    if git("rev-parse", "--is-shallow-repository", cwd=root) == "true":
        return UsageError(f"{what}, and this clone is shallow", fix=f"fetch the history: {FULL_FETCH}")
    branches = git("for-each-ref", "--format=%(refname:short)", "--sort=-committerdate", "--count=5", cwd=root).split()
    known = f"use a commit, a tag or a branch, e.g. {', '.join(branches)}" if branches else "commit something first"
    return UsageError(what, fix=f"{known}; a branch that is only on the server needs `git fetch` first")


def _notes(ref: str, commit: str, top: Path) -> list[str]:
    notes = []
    if git("status", "--porcelain", cwd=top):
        notes.append(f"the A/B latency test's head is the working tree with its uncommitted changes, its base {ref}")
    if git("rev-parse", "HEAD", cwd=top) == commit:
        notes.append(f"the A/B latency test's base {ref} is the commit that is checked out")
    if ".gitmodules" in git("ls-tree", "--name-only", commit, cwd=top).splitlines():
        notes.append("the repository has submodules: in the A/B latency test's base they are empty")
    return notes
