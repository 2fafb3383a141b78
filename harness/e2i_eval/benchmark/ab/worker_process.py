"""``python -m e2i_eval.benchmark.ab.worker_process``: a worker's process. Not for people: ``worker_client`` starts it.

Reads a JSON object a line on standard input and answers each with one on what was its standard output when it started.
It ends with its parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, TextIO

from e2i_eval.core.json_codec import from_json

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main"]

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve until standard input ends."""
    _end_with_parent()
    answers = _own_output()
    messages = _own_input()
    # Only now, so that whatever these and the target print is no answer.
    from e2i_eval.benchmark.ab.worker import VariantWorker, answer  # noqa: PLC0415
    from e2i_eval.benchmark.ab.worker_config import WorkerConfig  # noqa: PLC0415
    from e2i_eval.core.errors import E2iError  # noqa: PLC0415

    try:
        worker = VariantWorker(from_json(WorkerConfig, next(messages)))
    except E2iError as error:
        _say(answers, {"error": {"what": error.what, "where": error.where, "fix": error.fix, "missing": False}})
        return
    _say(answers, {"ok": worker.says})
    for message in messages:
        _say(answers, answer(worker, message))
    os._exit(0)  # what the target left running has nobody to run for


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _own_output() -> TextIO:
    output = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    return output


def _own_input() -> Iterator[dict[str, Any]]:
    source = os.fdopen(os.dup(0), encoding="utf-8")
    with open(os.devnull) as nothing:  # noqa: PTH123  a device
        os.dup2(nothing.fileno(), 0)
    return (json.loads(line) for line in source)


def _say(answers: TextIO, message: dict[str, object]) -> None:
    with contextlib.suppress(BrokenPipeError):
        answers.write(json.dumps(message) + "\n")


if __name__ == "__main__":
    main()
