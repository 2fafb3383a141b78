"""The journal: many files are changed together, and whatever kills the process, each is the old one or the new one.

1. The journal says which files will be staged.
2. Each new content is written beside its file and brought to the disk.
3. The journal says, in one step, that all of them are there. From here on the set is finished, not taken back.
4. Each staged file takes the place of its file.
5. The journal goes.

Whoever starts next and finds a journal goes on from there: before step 3 the staged files are removed, after it the
rest of them take their places. A file that somebody else has changed meanwhile is left as it is.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.core.errors import UsageError
from e2i_eval.dataset.update.plan import digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.dataset.update.plan import FilePlan

__all__ = ["JOURNAL", "JournalEntry", "Recovery", "apply", "recover"]

JOURNAL = ".e2i-changes.json"
"""Its name in the golden folder."""

SCHEMA = 1
STAGED_SUFFIX = ".e2i-new"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One file of a set.

    Attributes:
        file: relative to the project's folder.
        before: SHA-256 of what was there, in hex.
        after: SHA-256 of what comes there; empty when the file goes.
    """

    file: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What was done about a set that was interrupted.

    Attributes:
        is_finished: it was finished; otherwise it was taken back before a file had changed.
        files: the files it was about.
        left: those that somebody else had changed meanwhile and that were left as they are.
    """

    is_finished: bool
    files: tuple[str, ...]
    left: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What a person should know."""
        count = f"{len(self.files)} golden file{'' if len(self.files) == 1 else 's'}"
        if not self.is_finished:
            return f"an earlier change of {count} was interrupted before any was written, and was taken back"
        left = f"; changed meanwhile and left as they are: {', '.join(self.left)}" if self.left else ""
        return f"an earlier change of {count} was interrupted, and is finished now{left}"


def apply(root: Path, golden: Path, plans: Sequence[FilePlan]) -> tuple[str, ...]:
    """Write a set of files, all or none as far as a single kill goes; return those somebody changed meanwhile.

    Args:
        root: the project's folder, from which files are named.
        golden: the folder of the journal.
        plans: what becomes of each file; files that stay as they are may be among them.

    Raises:
        UsageError: a file cannot be written; those that were are named.
    """
    chosen = [plan for plan in plans if plan.is_change]
    moved = tuple(plan.file for plan in chosen if _digest(root / plan.file) != plan.digest)
    chosen = [plan for plan in chosen if plan.file not in moved]
    if not chosen:
        return moved
    entries = [
        JournalEntry(file=each.file, before=each.digest, after="" if each.after is None else digest_of(each.after))
        for each in chosen
    ]
    try:
        _write_journal(golden, entries, is_staged=False)
        for plan in chosen:
            if plan.after is not None:
                _write(_staged(root / plan.file), plan.after, like=root / plan.file)
        _write_journal(golden, entries, is_staged=True)
        left = _finish(root, golden, entries)
    except OSError as error:
        done = [each.file for each in entries if _digest(root / each.file) == each.after]
        with contextlib.suppress(OSError):
            recover(root, golden)
        what = f"the golden files cannot be written: {error.strerror or error}"
        fix = f"written are {', '.join(done) or 'none'}; make room or rights, and run again"
        raise UsageError(what, where=str(error.filename or golden), fix=fix) from error
    return (*moved, *left)


def recover(root: Path, golden: Path) -> Recovery | None:
    """Finish or take back what an earlier process left half done; None when there is nothing.

    Raises:
        UsageError: there is something that cannot be read, or not be written.
    """
    journal = golden / JOURNAL
    try:
        document = json.loads(journal.read_text(encoding="utf-8"))
        entries = [JournalEntry(**each) for each in document["files"]]
        is_staged = document["schema"] == SCHEMA and bool(document["staged"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"the journal of an interrupted change cannot be read: {error}"
        fix = f"look at the files with 'git status' and remove {journal.name} and *{STAGED_SUFFIX}"
        raise UsageError(what, where=str(journal), fix=fix) from error
    files = tuple(each.file for each in entries)
    if not is_staged:
        for each in entries:
            _staged(root / each.file).unlink(missing_ok=True)
        _remove(journal)
        return Recovery(is_finished=False, files=files)
    return Recovery(is_finished=True, files=files, left=_finish(root, golden, entries))


def _finish(root: Path, golden: Path, entries: Sequence[JournalEntry]) -> tuple[str, ...]:
    """Put what is staged in its place; return what was left because somebody else changed it."""
    left = []
    for each in entries:
        file = root / each.file
        staged = _staged(file)
        now = _digest(file)
        if now == each.after:
            staged.unlink(missing_ok=True)
        elif now != each.before:
            staged.unlink(missing_ok=True)
            left.append(each.file)
        elif each.after:
            staged.replace(file)
        else:
            file.unlink()
    for folder in {(root / each.file).parent for each in entries}:
        _sync_folder(folder)
    _remove(golden / JOURNAL)
    return tuple(left)


def _write_journal(golden: Path, entries: Sequence[JournalEntry], *, is_staged: bool) -> None:
    files = [{"file": each.file, "before": each.before, "after": each.after} for each in entries]
    document: JsonObject = {"schema": SCHEMA, "staged": is_staged, "files": files}
    journal = golden / JOURNAL
    new = _staged(journal)
    _write(new, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())
    new.replace(journal)
    _sync_folder(golden)


def _staged(file: Path) -> Path:
    return file.with_name(f".{file.name.removeprefix('.')}{STAGED_SUFFIX}")


def _write(file: Path, data: bytes, *, like: Path | None = None) -> None:
    """Write a file, bring it to the disk, and give it the rights of another."""
    with file.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    if like is not None:
        file.chmod(like.stat().st_mode)


def _remove(journal: Path) -> None:
    _staged(journal).unlink(missing_ok=True)
    journal.unlink(missing_ok=True)
    _sync_folder(journal.parent)


def _sync_folder(folder: Path) -> None:
    """Bring names to the disk, where folders can be opened for that."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _digest(file: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex; empty when there is no file."""
    try:
        return digest_of(file.read_bytes())
    except FileNotFoundError:
        return ""
