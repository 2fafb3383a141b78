"""The journal of a live run: the result of each case as soon as there is one, until the run is complete."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from e2i_eval.core.errors import UsageError
from e2i_eval.core.json_codec import from_json, to_json
from e2i_eval.runner.report import CaseResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from e2i_eval.core.json_value import JsonObject

__all__ = ["Journal", "Opened"]

SCHEMA = 1
MAX_AGE_S = 86_400.0
"""An older run is not resumed: the model behind a name may be another one by now."""

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
LEAVING_TIMEOUT_S = 15.0
"""How long workers of a run that was killed may take to notice."""

DAMAGE = (KeyError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What was found when a run began.

    Attributes:
        began_at_s: when the interrupted run began, seconds since the epoch; None when there is none to resume.
        results: how many results of it are kept.
        reason: why an interrupted run is not resumed; empty when there is none, or it is.
    """

    began_at_s: float | None = None
    results: int = 0
    reason: str = ""

    @property
    def began(self) -> str:
        """When the interrupted run began, for a person; empty when there is none."""
        if self.began_at_s is None:
            return ""
        return dt.datetime.fromtimestamp(self.began_at_s).astimezone().strftime("%H:%M")


class Journal:
    """A folder in which the processes of a live run keep what the next run needs should they be killed.

    Args:
        folder: the folder.
        clean: takes secrets out of what is kept.
    """

    def __init__(self, folder: Path, *, clean: Callable[[JsonObject], JsonObject] = lambda data: data) -> None:
        self.folder = folder
        self._clean = clean
        self._head = folder / "head.json"
        self._results = folder / "results.jsonl"
        self._writing = FileLock(folder / "results.lock", mode=PRIVATE_FILE)
        self._owner = FileLock(folder / "owner.lock", mode=PRIVATE_FILE)
        self._part: FileLock | None = None
        self._kept: dict[tuple[str, int], CaseResult] | None = None

    @property
    def answers(self) -> Path:
        """The folder of the paid answers."""
        return self.folder / "answers"

    def open(self, *, basis: str, now_s: float, is_fresh: bool) -> Opened:
        """Begin a run, or resume the one that was interrupted.

        Args:
            basis: digest of what decides all results; a run of another basis is not resumed.
            now_s: seconds since the epoch.
            is_fresh: begin anew whatever there is.

        Raises:
            UsageError: another run uses the folder, or it cannot be written.
        """
        self._own()
        head = self._read_head()
        reason = _why_anew(head, basis=basis, now_s=now_s, is_fresh=is_fresh)
        if head and not reason:
            return Opened(began_at_s=float(head["began_at_s"]), results=len(self._read_results()))
        self._clear()
        self._write(self._head, {"schema": SCHEMA, "basis": basis, "began_at_s": now_s})
        return Opened(reason=reason)

    def join(self) -> None:
        """Take part as one of the run's processes: the next run waits until this one is gone."""
        folder = self.folder / "busy"
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        self._part = FileLock(folder / f"{os.getpid()}.lock", mode=PRIVATE_FILE)
        self._part.acquire()

    def kept(self, key: str, repeat: int) -> CaseResult | None:
        """Return the result that an interrupted run had reached; None when there is none that counts."""
        if self._kept is None:
            self._kept = self._read_results()
        return self._kept.get((key, repeat))

    def keep(self, key: str, result: CaseResult) -> None:
        """Write a result down for the run after an interruption; one that is an error will be tried again."""
        if result.status == "error":
            return
        line = {"key": key, "repeat": result.repeat, "result": self._clean(to_json(result))}
        data = b"\n" + json.dumps(line).encode() + b"\n"  # on a line of its own, whatever a killed process left
        with self._writing:
            handle = os.open(self._results, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
            try:
                os.write(handle, data)
                os.fsync(handle)
            finally:
                os.close(handle)

    def close(self) -> None:
        """Release the folder; may be called twice."""
        if self._part is not None:
            self._part.release()
        self._owner.release()

    def remove(self) -> None:
        """Remove the folder: the run is complete."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _own(self) -> None:
        try:
            self.folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            self._owner.acquire(timeout=0)
            for lock in sorted((self.folder / "busy").glob("*.lock")):
                with FileLock(lock, timeout=LEAVING_TIMEOUT_S):
                    lock.unlink(missing_ok=True)
        except Timeout as error:
            what = "another live run uses this report folder"
            fix = "wait for its end, or choose another folder with --e2i-report=DIR"
            raise UsageError(what, where=str(self.folder), fix=fix) from error
        except OSError as error:
            what = f"the journal of the live run cannot be written: {error.strerror or error}"
            raise UsageError(what, where=str(self.folder), fix="choose another folder with --e2i-report=DIR") from error

    def _read_head(self) -> JsonObject:
        with suppress(OSError, ValueError):
            head = json.loads(self._head.read_text(encoding="utf-8"))
            if isinstance(head, dict) and isinstance(head.get("began_at_s"), float):
                return head
        return {}

    def _read_results(self) -> dict[tuple[str, int], CaseResult]:
        kept: dict[tuple[str, int], CaseResult] = {}
        for line in self._lines():
            with suppress(*DAMAGE):
                kept[line["key"], line["repeat"]] = from_json(CaseResult, line["result"])
        return kept

    def _lines(self) -> list[JsonObject]:
        """Return what was written down; a line that a killed process left unfinished is none."""
        return list(_documents(self._results))

    def _clear(self) -> None:
        for path in (self.answers, self._results, self._head, self.folder / "budget.json"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _write(self, file: Path, document: JsonObject) -> None:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            json.dump(document, opened)


def _documents(file: Path) -> Iterator[JsonObject]:
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        with suppress(ValueError):
            document = json.loads(line)
            if isinstance(document, dict) and "result" in document:
                yield document


def _why_anew(head: JsonObject, *, basis: str, now_s: float, is_fresh: bool) -> str:
    """Return why an interrupted run is not resumed; empty when it is, or when there is none."""
    if not head:
        return ""
    if is_fresh:
        return "--e2i-fresh"
    if head.get("schema") != SCHEMA:
        return "it was written by another version"
    if head.get("basis") != basis:
        return "code, configuration, libraries or the address of the API have changed since"
    if now_s - float(head["began_at_s"]) > MAX_AGE_S:
        return "it is more than a day old"
    return ""
