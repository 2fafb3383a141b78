"""Waiting until MLflow's own client has sent the traces it holds."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Flush"]

NUDGE_S = 0.005


class Flush:
    """Flushes MLflow's trace queues, bounded in time; without MLflow in the process there is nothing to flush."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def __call__(self, timeout_s: float, *, last: bool = False) -> bool:
        """Wait at most ``timeout_s``; return whether everything has left.

        ``last`` ends MLflow's threads too: otherwise it flushes again when the process ends, and sleeps a second there.
        """
        mlflow = sys.modules.get("mlflow")
        if mlflow is None or not hasattr(mlflow, "flush_trace_async_logging"):
            return True
        deadline = time.monotonic() + timeout_s
        if self._thread is None or not self._thread.is_alive():  # one that is still stuck holds MLflow's lock anyway
            self._thread = threading.Thread(
                target=mlflow.flush_trace_async_logging, kwargs={"terminate": last}, name="e2i-flush", daemon=True
            )
            self._thread.start()
        while self._thread.is_alive() and time.monotonic() < deadline:
            _nudge()
            self._thread.join(NUDGE_S)
        return not self._thread.is_alive()


def _nudge() -> None:
    """Wake MLflow's queue consumers, each of which sleeps up to a second before it sees that a flush has begun.

    The tasks do nothing. Where the private names are others, the flush takes that second and is as correct.
    """
    for exports in _queues():
        with contextlib.suppress(Exception):
            if not exports._stop_event.is_set():  # noqa: SLF001  there is no public way to wake it
                continue
            if exports._consumer_thread.is_alive():  # noqa: SLF001
                exports._queue.put_nowait(_task())  # noqa: SLF001
            else:
                _finish(exports._queue)  # noqa: SLF001


def _finish(tasks: queue.Queue[Any]) -> None:
    """Take over what the consumer left when it ended, a task of ours that came too late: the flush waits for it."""
    while True:
        try:
            task = tasks.get_nowait()
        except queue.Empty:
            return
        task.handle()
        tasks.task_done()


def _queues() -> Iterator[Any]:
    """Yield the export queues of the current trace provider and of those replaced since."""
    provider = sys.modules.get("mlflow.tracing.provider")
    base = sys.modules.get("mlflow.tracing.processor.base_mlflow")
    exporters = []
    with contextlib.suppress(Exception):
        exporters.append(provider._get_trace_exporter())  # type: ignore[union-attr]  # noqa: SLF001
    with contextlib.suppress(Exception):
        exporters += [each.span_exporter for each in tuple(base._batch_processor_registry)]  # type: ignore[union-attr]  # noqa: SLF001
    for exporter in exporters:
        if (held := getattr(exporter, "_async_queue", None)) is not None:
            yield held


def _task() -> Any:  # noqa: ANN401  a class of MLflow's, loaded only when it is
    module = sys.modules["mlflow.tracing.export.async_export_queue"]
    return module.Task(handler=lambda: None, args=())
