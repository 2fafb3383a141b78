"""The fresh process: one new interpreter with another hash seed that evaluates cases one after another.

What an answer must not depend on is often the same within a process: the order of a set or of a folder, a cache that an
earlier call filled, the state of a random generator. Python orders sets of texts by a seed drawn a process
(``PYTHONHASHSEED``), so a new process with another seed shows it.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import tempfile
import threading
from typing import IO, TYPE_CHECKING, Any

from e2i_eval.core.errors import UnknownError
from e2i_eval.core.json_codec import from_json
from e2i_eval.runner.report import CaseResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.runner.families.declared import Declared
    from e2i_eval.runner.families.family_check import Before

__all__ = ["HASH_SEEDS", "FreshProcess", "other_hash_seed"]

MODULE = "e2i_eval.plugin.fresh_worker"
"""What the new interpreter runs; a name, since this module may not import what lies above it."""

HASH_SEEDS = ("1729", "271828")
"""Two, so that one of them is not the one this process was started with."""

ANSWER_TIMEOUT_S = 180.0
END_TIMEOUT_S = 30.0
SHOWN_LINES = 15


def other_hash_seed(environ: Mapping[str, str]) -> str:
    """Return a hash seed that this process does not have."""
    return next(seed for seed in HASH_SEEDS if seed != environ.get("PYTHONHASHSEED"))


class FreshProcess:
    """The new interpreter; it ends with this process, whatever happens to it, since it reads from its pipe.

    Args:
        greeting: what the other side needs to take part in the session, as plain JSON.
        environ: the environment it inherits, but for the hash seed.
    """

    def __init__(self, greeting: JsonObject, environ: Mapping[str, str]) -> None:
        self._errors = tempfile.TemporaryFile(  # noqa: SIM115  closed with the process
            mode="w+", encoding="utf-8", errors="replace"
        )
        self._process = subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", MODULE],
            env={**environ, "PYTHONHASHSEED": other_hash_seed(environ)},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._said: queue.Queue[str] = queue.Queue()
        self._lines: queue.Queue[str] = queue.Queue()
        self._asked: set[str] = set()
        self._answers: dict[str, dict[str, Any]] = {}
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._speak, daemon=True).start()
        self._say(greeting)

    def ask(self, declared: Declared, nodeid: str, before: Before) -> None:
        """Have ``declared`` evaluated there, and judged against the answer of this process; returns at once."""
        if declared.id in self._asked:
            return
        self._asked.add(declared.id)
        self._say(
            {
                "id": declared.id,
                "target": declared.target,
                "name": declared.name,
                "nodeid": nodeid,
                "output": before.output,
                "error": before.error,
                "status": before.status,
            }
        )

    def evaluate(self, declared: Declared, nodeid: str, before: Before) -> CaseResult:
        """Return the result of ``declared``, which is asked for now if it was not before.

        Raises:
            UnknownError: the process ended or does not answer, or the target does not build there; with its last words.
        """
        self.ask(declared, nodeid, before)
        while declared.id not in self._answers:
            answer = self._hear(ANSWER_TIMEOUT_S)
            self._answers[answer["id"]] = answer
        answer = self._answers[declared.id]
        if "problem" in answer:
            what = f"{declared.id}: the new process could not evaluate it: {answer['problem']}"
            raise UnknownError(what, where=declared.where)
        return from_json(CaseResult, answer["result"])

    def finish(self) -> tuple[str, ...]:
        """Let it record what it still holds and end; return what could not be recorded, a sentence each."""
        self._say({"end": True})
        answer: dict[str, Any] = {}
        try:
            while "lost" not in answer:  # what nobody waited for comes first
                answer = self._hear(END_TIMEOUT_S)
        except UnknownError as error:
            answer = {"lost": [str(error)]}
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_TIMEOUT_S)
        self.close()
        return tuple(answer["lost"])

    def close(self) -> None:
        """End it at once; may be called twice."""
        self._said.put("")
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._errors.close()

    def _listen(self) -> None:
        stream: IO[str] | None = self._process.stdout
        with contextlib.suppress(ValueError, OSError):  # closed while it was read
            for line in stream or ():
                self._lines.put(line)
        self._lines.put("")

    def _speak(self) -> None:
        """Write what is to be said: a full pipe must not keep the tests waiting."""
        stream: IO[str] | None = self._process.stdin
        if stream is None:
            return
        with contextlib.suppress(ValueError, OSError):  # the process ended: whoever waits for an answer gets an error
            while line := self._said.get():
                stream.write(line)
                stream.flush()
        with contextlib.suppress(ValueError, OSError):
            stream.close()

    def _say(self, message: JsonObject) -> None:
        self._said.put(json.dumps(message) + "\n")

    def _hear(self, timeout_s: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            what = f"the new process did not answer within {timeout_s:g} s"
            raise UnknownError(what) from None
        if not line:
            raise self._gone()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _gone(self) -> UnknownError:
        self._lines.put("")  # for whoever asks next
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        said = ""
        with contextlib.suppress(ValueError, OSError):
            self._errors.seek(0)
            said = "".join(self._errors.readlines()[-SHOWN_LINES:]).strip()
        what = f"the new process ended (exit code {self._process.poll()})" + (f": {said}" if said else "")
        return UnknownError(what)
