"""The state of the project's code: equal as long as no file of it changes."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["code_state"]

GIT_TIMEOUT_S = 10.0
LARGE_BYTES = 5_000_000
"""Of larger files size and time stand for the content."""

MADE_BY_TOOLS = frozenset({"__pycache__", "node_modules", "venv", "site-packages"})


def code_state(root: Path, *, without: Iterable[Path] = ()) -> str:
    """Return a digest of the project's files and, in a repository, of its commit.

    Args:
        root: the project's folder.
        without: folders that do not count: what a run writes, and the cases, which are looked at one by one.
    """
    left_out = tuple(without)
    digest = hashlib.blake2b(_git(root, "rev-parse", "HEAD"), digest_size=16)
    for file in sorted(_files(root)):
        if not any(file.is_relative_to(folder) for folder in left_out) and not _is_made(file.relative_to(root)):
            digest.update(str(file.relative_to(root)).encode("utf-8", "replace") + b"\0" + _content(file) + b"\0")
    return digest.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    """Yield the files git knows or would add; outside a repository all but hidden ones."""
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed:
        yield from {root / os.fsdecode(name) for name in listed.split(b"\0") if name}
        return
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in MADE_BY_TOOLS]
        yield from (Path(folder) / name for name in names)


def _is_made(path: Path) -> bool:
    return bool(MADE_BY_TOOLS.intersection(path.parts)) or path.parts[0] in {".e2i", ".pytest_cache"}


def _content(file: Path) -> bytes:
    try:
        stat = file.stat()
        if stat.st_size > LARGE_BYTES:
            return f"{stat.st_size} {stat.st_mtime_ns}".encode()
        return hashlib.blake2b(file.read_bytes(), digest_size=16).digest()
    except OSError:
        return b"cannot be read"


def _git(root: Path, *arguments: str) -> bytes:
    """Return what git says; nothing outside a repository, and without git."""
    try:
        asked = subprocess.run(  # noqa: S603  fixed arguments
            ["git", *arguments],  # noqa: S607  whichever git the user has
            cwd=root,
            capture_output=True,
            check=True,
            timeout=GIT_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError):
        return b""
    return asked.stdout
