"""The worker client: the process of one variant, as the session sees it, one question and one answer at a time."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from e2i_eval.core.errors import E2iError, UsageError
from e2i_eval.core.json_codec import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from e2i_eval.benchmark.ab.sample import VariantName
    from e2i_eval.benchmark.ab.worker_config import WorkerConfig

__all__ = ["NotInThisRevisionError", "WorkerClient", "WorkerGoneError", "WorkerLateError"]

MODULE = "e2i_eval.benchmark.ab.worker_process"
END_TIMEOUT_S = 5.0
CHUNK = 65_536
TAIL_LINES = 15

SAME = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""What must not differ between the variants, or between this machine's load now and then."""


class WorkerLateError(E2iError):
    """The process did not answer in time, and was ended."""


class WorkerGoneError(E2iError):
    """The process ended by itself."""


class NotInThisRevisionError(UsageError):
    """The target's module does not exist in this revision."""


class WorkerClient:
    """Starts the process of one variant and asks it."""

    def __init__(
        self, variant: VariantName, worker_config: WorkerConfig, *, cwd: Path, environ: Mapping[str, str], log: Path
    ) -> None:
        """Start the process; ``ready`` waits for it.

        Args:
            variant: which.
            worker_config: what it is given at its start.
            cwd: the project's folder in the variant's tree.
            environ: the session's environment.
            log: what the process prints goes to the end of this file.
        """
        self._variant = variant
        self._log = log
        self._buffer = b""
        with log.open("ab") as output:
            # -P: nothing of the project's folder may stand in for a module of ours
            self._process = subprocess.Popen(  # noqa: S603  no shell, our own arguments
                [sys.executable, "-P", "-m", MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=cwd,
                env={**environ, **SAME},
                start_new_session=True,  # Ctrl-C in the terminal is for pytest, which ends this when it is done
            )
        self._send(to_json(worker_config))

    def ready(self, timeout_s: float) -> str:
        """Wait until it has started; return what it says its time is.

        Raises:
            E2iError: it cannot start.
        """
        return str(self._answer(timeout_s))

    def ask(self, timeout_s: float, **message: object) -> Any:  # noqa: ANN401  any JSON
        """Ask, and wait for the answer.

        Raises:
            WorkerLateError: there was none in time.
            WorkerGoneError: the process ended.
            NotInThisRevisionError: it was to build a target whose module it does not have.
            UsageError: it says that something of the project is wrong.
        """
        self._send(message)
        return self._answer(timeout_s)

    def close(self) -> None:
        """End the process and all that it started; may be called twice."""
        if self._process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_TIMEOUT_S)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _send(self, message: Mapping[str, object]) -> None:
        assert self._process.stdin is not None  # noqa: S101  it was asked for
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._gone() from None

    def _answer(self, timeout_s: float) -> Any:  # noqa: ANN401  any JSON
        answer = json.loads(self._line(timeout_s))
        if "error" not in answer:
            return answer["ok"]
        said = answer["error"]
        kind = NotInThisRevisionError if said["missing"] else UsageError
        what = f"{self._variant}: {said['what']}"
        raise kind(what, where=said["where"], fix=said["fix"])

    def _line(self, timeout_s: float) -> bytes:
        assert self._process.stdout is not None  # noqa: S101  it was asked for
        descriptor = self._process.stdout.fileno()
        deadline_s = time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not select.select([descriptor], [], [], left_s)[0]:
                self.close()
                what = f"{self._variant}: no answer within {timeout_s:g} s"
                raise WorkerLateError(what)
            chunk = os.read(descriptor, CHUNK)
            if not chunk:
                raise self._gone()
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _gone(self) -> WorkerGoneError:
        self.close()
        tail = self._log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        said = "\n".join(("its last words:", *tail)) if tail else "it said nothing"
        what = f"{self._variant}: the process ended with code {self._process.returncode}; {said}"
        return WorkerGoneError(what)
