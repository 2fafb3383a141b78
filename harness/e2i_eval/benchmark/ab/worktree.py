"""The worktree: the base revision checked out beside the working tree, for the time of a session."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.benchmark.ab.revision import git
from e2i_eval.core.errors import E2iError, UsageError

if TYPE_CHECKING:
    from e2i_eval.benchmark.ab.revision import Revision

__all__ = ["Worktree"]

PREFIX = "e2i-ab-"
LOCK, TREE = "alive", "base"
REMOVE_TIMEOUT_S = 30.0
NO_HOOKS = ("-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")
"""The user's own hooks are for their own checkouts."""


class Worktree:
    """A folder outside the repository, made by ``git worktree add --detach``.

    Index, stash, branches and files of the user are not touched. A cleanup process removes it when this process
    closes it or ends, also by SIGKILL; what even that left behind (the machine went down), the next session removes.

    Attributes:
        path: top of the tree; resolved.
    """

    def __init__(self, revision: Revision) -> None:
        """Check the revision out.

        Raises:
            UsageError: git cannot do it, or this system cannot.
        """
        if sys.platform == "win32":
            what = "--e2i-ab does not work on Windows"
            raise UsageError(what, fix="run it on Linux or macOS, or in WSL")
        _remove_abandoned(revision.top)
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
        self.path = self._folder / TREE
        self._cleanup = _cleanup_process(revision.top, self._folder)
        try:
            self._add(revision)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the tree; may be called twice."""
        with contextlib.suppress(OSError, ValueError):
            if self._cleanup.stdin:
                self._cleanup.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it finishes without us
            self._cleanup.wait(REMOVE_TIMEOUT_S)
        if self._cleanup.stdout:
            self._cleanup.stdout.close()

    def _add(self, revision: Revision) -> None:
        refusal = UsageError(
            f"--e2i-ab={revision.ref}: {revision.commit[:7]} cannot be checked out in {self.path}",
            fix=f"try it by hand: git worktree add --detach /tmp/base {revision.commit[:7]}",
        )
        git(
            *NO_HOOKS, "worktree", "add", "--detach", str(self.path), revision.commit, cwd=revision.top, refusal=refusal
        )


def _cleanup_process(top: Path, folder: Path) -> subprocess.Popen[bytes]:
    script = Path(__file__).with_name("cleanup_process.py")
    process = subprocess.Popen(  # noqa: S603  no shell, our own arguments
        [sys.executable, "-I", "-S", str(script), str(top), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101  it was asked for
    if process.stdout.readline().strip() != b"ready":
        process.kill()
        what = "the process that is to remove the base's worktree does not start"
        raise E2iError(what, fix=f"try it: {sys.executable} {script}")
    return process


def _remove_abandoned(top: Path) -> None:
    """Remove what sessions have left that ended with their cleanup process; other worktrees are the user's."""
    import fcntl  # noqa: PLC0415  not on Windows

    from e2i_eval.benchmark.ab.cleanup_process import remove  # noqa: PLC0415  as above

    lines = git("worktree", "list", "--porcelain", cwd=top).splitlines()
    trees = [Path(line.removeprefix("worktree ")) for line in lines if line.startswith("worktree ")]
    for tree in trees:
        if tree.name != TREE or not tree.parent.name.startswith(PREFIX):
            continue
        try:
            with (tree.parent / LOCK).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            pass
        except OSError:  # in use
            continue
        remove(top, tree.parent)
