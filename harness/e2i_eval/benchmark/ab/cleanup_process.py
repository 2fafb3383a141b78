"""The cleanup process: a process that removes the base's worktree when its session is gone, however that ended.

Run as a script with two arguments, the repository and the folder; standard library only. Its standard input is the
lifeline: when it ends, the session has ended or was killed, and the worktree is removed. While it lives it holds a lock
on the folder, by which a later session knows that the folder is in use.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

LOCK, TREE = "alive", "base"
TRIES, PAUSE_S = 40, 0.25


def main() -> None:
    """Hold the lock, wait, and remove."""
    repository, folder = Path(sys.argv[1]), Path(sys.argv[2])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(
            number, signal.SIG_IGN
        )  # whoever ends a job signals all its processes; this one cleans up after them
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while os.read(0, 1):
            continue
        remove(repository, folder)


def remove(repository: Path, folder: Path) -> None:
    """Remove the worktree and the folder; tries again while a git that was making it is still at work."""
    for _ in range(TRIES):
        git(repository, "worktree", "remove", "--force", "--force", str(folder / TREE))
        shutil.rmtree(folder, ignore_errors=True)
        listed = git(repository, "worktree", "list", "--porcelain")
        if not folder.exists() and str(folder / TREE) not in listed.split():
            return
        time.sleep(PAUSE_S)


def git(repository: Path, *arguments: str) -> str:
    """Return what git prints; whatever it is unhappy with is seen in what is left."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *arguments], cwd=repository, env=environ, capture_output=True, text=True, check=False)  # noqa: S603, S607  no shell; whichever git the user has
    return done.stdout


if __name__ == "__main__":
    main()
