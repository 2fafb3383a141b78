"""What is written to the server about a session: runs, verdicts, expectations, files."""

from __future__ import annotations

import collections
import json
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ParamSpec
from urllib.parse import quote

from e2i_eval.core.errors import UnknownError
from e2i_eval.tracking.annotation import TAG_LENGTH
from e2i_eval.tracking.connection import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from e2i_eval.core.json_value import JsonObject, JsonValue
    from e2i_eval.core.verdict import Verdict
    from e2i_eval.tracking.annotation import Annotation
    from e2i_eval.tracking.connection import Connection

__all__ = ["Recorder", "expectation", "feedback"]

P = ParamSpec("P")

WRITERS = 1
"""More would only take the server's one interpreter from the case that is running."""

LINKS_A_REQUEST = 50
METRICS_A_REQUEST = 900
PARAMS_A_REQUEST = 100
PARAM_LENGTH = 6000
SOURCE_ID = "e2i-eval"
PROXIED = "mlflow-artifacts:"


class Recorder:
    """Writes behind the caller's back: a request costs the server 5 to 10 ms, and no verdict waits for it.

    Attributes:
        lost: what could not be written, a sentence each.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="e2i-recorder")
        self._under_way: set[Future[None]] = set()
        self._links: dict[str, list[str]] = collections.defaultdict(list)
        self._lock = threading.Lock()
        self._server_merges = True
        self.lost: list[str] = []

    def later(self, method: str, path: str, body: JsonObject) -> None:
        """Have a request made by a background writer."""
        self._submit(self._write, method, path, body)

    def link(self, trace_ids: Iterable[str], run_id: str) -> None:
        """Have traces shown in a run as well; sent many at a time."""
        with self._lock:
            self._links[run_id].extend(trace_ids)
            full = self._links.pop(run_id) if len(self._links[run_id]) >= LINKS_A_REQUEST else []
        self._send_links(run_id, full)

    def drain(self, timeout_s: float) -> bool:
        """Wait until everything is written; return whether it was within ``timeout_s``."""
        with self._lock:
            links, self._links = self._links, collections.defaultdict(list)
        for run_id, trace_ids in links.items():
            self._send_links(run_id, trace_ids)
        with self._lock:
            under_way = set(self._under_way)
        return not wait(under_way, timeout_s).not_done

    def close(self) -> None:
        """Give up what is not written yet, and end the writers."""
        self._writers.shutdown(wait=False, cancel_futures=True)

    def write_run(
        self,
        run_id: str,
        *,
        metrics: Mapping[str, float] | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Have metrics, params and tags of a run written, in as few requests as the API allows."""
        now_ms = int(time.time() * 1000)
        rows = [{"key": key, "value": _number(value), "timestamp": now_ms} for key, value in (metrics or {}).items()]
        texts = [{"key": key, "value": str(value)[:PARAM_LENGTH]} for key, value in (params or {}).items()]
        words = [{"key": key, "value": str(value)[:TAG_LENGTH]} for key, value in (tags or {}).items()]
        while rows or texts or words:
            body = {
                "run_id": run_id,
                "metrics": rows[:METRICS_A_REQUEST],
                "params": texts[:PARAMS_A_REQUEST],
                "tags": words[:PARAMS_A_REQUEST],
            }
            rows, texts, words = rows[METRICS_A_REQUEST:], texts[PARAMS_A_REQUEST:], words[PARAMS_A_REQUEST:]
            self.later("POST", "/api/2.0/mlflow/runs/log-batch", body)

    def end_run(self, run_id: str, *, passed: bool) -> None:
        """Have a run ended."""
        status = "FINISHED" if passed else "FAILED"
        body = {"run_id": run_id, "status": status, "end_time": int(time.time() * 1000)}
        self.later("POST", "/api/2.0/mlflow/runs/update", body)

    def annotate(self, annotation: Annotation) -> None:
        """Have assessments and tags written on a trace: by one request where the server merges it, else one by one."""
        if not annotation.is_empty:
            self._submit(self._annotate, annotation)

    def store_file(self, run_id: str, artifact_uri: str, name: str, text: str) -> None:
        """Store a text file with a run, now.

        Raises:
            UnknownError: the server did not take it.
        """
        if not artifact_uri.startswith(PROXIED):
            self._store_by_client(run_id, name, text)
            return
        path = f"{artifact_uri.removeprefix(PROXIED).lstrip('/')}/{name}"
        self._connection.send("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{quote(path)}", text.encode())

    def _store_by_client(self, run_id: str, name: str, text: str) -> None:
        """Store a file where the server does not take it itself (a bucket, a network folder)."""
        from mlflow import MlflowClient  # noqa: PLC0415  MLflow is heavy

        try:
            MlflowClient(self._connection.uri).log_text(run_id, text, name)
        except Exception as error:
            message = f"the file {name} could not be stored with run {run_id}: {error}"
            raise UnknownError(message) from error

    def _send_links(self, run_id: str, trace_ids: list[str]) -> None:
        for start in range(0, len(trace_ids), LINKS_A_REQUEST):
            body = {"run_id": run_id, "trace_ids": trace_ids[start : start + LINKS_A_REQUEST]}
            self.later("POST", "/api/2.0/mlflow/traces/link-to-run", body)

    def _submit(self, write: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        future = self._writers.submit(write, *args, **kwargs)
        with self._lock:
            self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)

    def _annotate(self, annotation: Annotation) -> None:
        if not (annotation.may_be_whole and self._is_written_whole(annotation)):
            for method, path, body in annotation.singly():
                self._write(method, path, body)

    def _is_written_whole(self, annotation: Annotation) -> bool:
        """Write everything by one request; a server that does not merge is not asked to a second time."""
        if not self._server_merges:
            return False
        try:
            self._server_merges = annotation.is_in(self._connection.call(*annotation.whole()))
        except RefusedError:
            self._server_merges = False
        except UnknownError as error:
            self._lose(error)
            return True  # the server is gone: asking for each part would only repeat it
        return self._server_merges

    def _write(self, method: str, path: str, body: JsonObject) -> None:
        try:
            self._connection.call(method, path, body)
        except UnknownError as error:
            self._lose(error)

    def _lose(self, error: UnknownError) -> None:
        with self._lock:
            self.lost.append(str(error))


def feedback(verdict: Verdict, run_id: str) -> dict[str, JsonValue]:
    """Return a verdict as an assessment: its value is the outcome; a check that broke has an error instead of one."""
    value: dict[str, JsonValue] = {"value": verdict.status == "pass"}
    if verdict.status == "error":
        value = {"value": None, "error": {"error_code": "CHECK_BROKE", "error_message": verdict.reason}}
    metadata = {"mlflow.assessment.sourceRunId": run_id, "e2i.status": verdict.status}
    if verdict.score is not None:
        metadata["e2i.score"] = str(verdict.score)
    return {
        **_assessment(verdict.check, "LLM_JUDGE" if verdict.by else "CODE", metadata, source_id=verdict.by),
        "feedback": value,
        "rationale": "\n".join([verdict.reason, *(f"- {finding.message}" for finding in verdict.findings)]),
    }


def expectation(name: str, value: JsonValue) -> dict[str, JsonValue]:
    """Return what a golden expects as an assessment.

    MLflow keeps lists and objects as JSON text, and refuses null in either form: that becomes the text ``null``.
    """
    if isinstance(value, list | dict):
        held: JsonObject = {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": json.dumps(value)}}
    else:
        held = {"value": "null" if value is None else value}
    return {**_assessment(name, "HUMAN", {}), "expectation": held}


def _assessment(
    name: str, source_type: str, metadata: Mapping[str, str], *, source_id: str = ""
) -> dict[str, JsonValue]:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {
        "assessment_name": name,
        "source": {"source_type": source_type, "source_id": source_id or SOURCE_ID},
        "create_time": now,
        "last_update_time": now,
        "metadata": dict(metadata),
    }


def _number(value: float) -> float | str:
    """Write a number as protobuf's JSON does; what is not finite is text there."""
    text = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(str(float(value)))
    return text if text is not None else float(value)
