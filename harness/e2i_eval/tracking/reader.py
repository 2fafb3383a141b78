"""What the server keeps of a case: its traces and the content of its run."""

from __future__ import annotations

import itertools
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from e2i_eval.tracking import decode
from e2i_eval.tracking.connection import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.trace import Logged, Trace
    from e2i_eval.tracking.connection import Connection

__all__ = ["Reader"]

FIRST_WAIT_S = 0.02
LONGEST_WAIT_S = 0.2
PAGE = 200
SPANS_PAGE = 20
FILES_LIMIT = 1000
NO_SUCH_TRACE = frozenset({"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "INVALID_PARAMETER_VALUE"})
UNKNOWN_SIZE = -1
IN_TRACKING_STORE = "TRACKING_STORE"
PROXIED = "mlflow-artifacts:"
"""Scheme of a run's files that the server itself keeps; what follows is the path in its folder."""


class Reader:
    """Asks the server; never looks into the process under evaluation.

    Attributes:
        infos: what the server said last of each trace it was asked about, by trace id; without spans.
    """

    def __init__(
        self, connection: Connection, sleep: Callable[[float], None] = time.sleep, *, artifacts: Path | None = None
    ) -> None:
        """Make a reader.

        Args:
            connection: to the server.
            sleep: waits for some seconds.
            artifacts: the folder the server keeps files in, when it is this machine's own; None asks the server.
        """
        self._connection = connection
        self._sleep = sleep
        self._artifacts = artifacts
        self.infos: dict[str, JsonObject] = {}

    def settled_traces(
        self, run_id: str, experiments: Collection[str], settle_s: float, *, source: str = ""
    ) -> tuple[Trace, ...]:
        """Return the traces of a run; wait up to ``settle_s`` while there is none, or one is not complete yet."""
        deadline = time.monotonic() + settle_s
        pause_s = FIRST_WAIT_S
        while True:
            traces = self.traces(run_id, experiments, source=source)
            if (traces and all(map(_is_complete, traces))) or time.monotonic() >= deadline:
                return traces
            self._sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_WAIT_S)

    def traces(self, run_id: str, experiments: Collection[str], *, source: str = "") -> tuple[Trace, ...]:
        """Return the traces made in a run or linked to it, oldest first.

        Args:
            run_id: the run.
            experiments: where to look.
            source: name of a source whose traces count too, when they were made in no run; empty for none.
        """
        infos = list(self._search(f"attributes.run_id = '{run_id}'", experiments))
        if source:
            known = {info["trace_id"] for info in infos}
            named = self._search(f"metadata.`mlflow.source.name` = '{source}'", experiments)
            infos += [info for info in named if _has_no_run(info) and info["trace_id"] not in known]
        self.infos.update({info["trace_id"]: info for info in infos})
        return tuple(sorted(self.read(infos), key=lambda trace: (trace.started_at_s, trace.trace_id)))

    def read(self, infos: Sequence[JsonObject]) -> tuple[Trace, ...]:
        """Return the traces that the server listed, with their spans, in the order of ``infos``."""
        stored = [info["trace_id"] for info in infos if _has_spans_in_store(info)]
        spans = self._spans(stored)
        for info in infos:
            if info["trace_id"] not in spans:
                spans[info["trace_id"]] = self._spans_from_file(info["trace_id"])
        return tuple(decode.trace(info, spans[info["trace_id"]]) for info in infos)

    def trace_info(self, trace_id: str) -> JsonObject | None:
        """Return what the server says of one trace, without spans; None when it has none of that id."""
        try:
            answer = self._connection.call("GET", f"/api/3.0/mlflow/traces/{quote(trace_id, safe='')}")
        except RefusedError as error:
            if error.code in NO_SUCH_TRACE:
                return None
            raise
        info: JsonObject = answer["trace"]["trace_info"]
        return info

    def trace_infos(self, query: str, experiments: Collection[str]) -> Iterator[JsonObject]:
        """Yield what the server says of traces by MLflow's search language, newest first, without spans."""
        yield from self._search(query, experiments)

    def logged(self, run_id: str) -> Logged:
        """Return a run's content."""
        run = self.run(run_id)
        sizes = self._stored(run) or self._files(run_id)
        return replace(decode.logged(run, sizes), empty=tuple(sorted(name for name, size in sizes.items() if not size)))

    def run(self, run_id: str) -> JsonObject:
        """Return a run as the REST API gives it."""
        answer: JsonObject = self._connection.call("GET", "/api/2.0/mlflow/runs/get", query={"run_id": run_id})["run"]
        return answer

    def runs(self, query: str, experiments: Collection[str], limit: int = PAGE) -> list[JsonObject]:
        """Return runs by MLflow's search language, newest first."""
        body = {"experiment_ids": list(experiments), "filter": query, "max_results": limit}
        return list(self._connection.call("POST", "/api/2.0/mlflow/runs/search", body).get("runs", []))

    def experiments(self) -> list[str]:
        """Return the ids of all experiments."""
        answer = self._connection.call("POST", "/api/2.0/mlflow/experiments/search", {"max_results": PAGE})
        return [each["experiment_id"] for each in answer.get("experiments", [])]

    def _search(self, query: str, experiments: Collection[str]) -> Iterator[JsonObject]:
        locations = [
            {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": each}} for each in experiments
        ]
        body = {"locations": locations, "filter": query, "max_results": PAGE}
        while True:
            answer = self._connection.call("POST", "/api/3.0/mlflow/traces/search", body)
            yield from answer.get("traces", [])
            if not answer.get("next_page_token"):
                return
            body["page_token"] = answer["next_page_token"]

    def _spans(self, trace_ids: Sequence[str]) -> dict[str, list[JsonObject]]:
        """Return the spans of traces kept in the database; a trace that is just being written is left out."""
        found: dict[str, list[JsonObject]] = {}
        for start in range(0, len(trace_ids), SPANS_PAGE):
            page = trace_ids[start : start + SPANS_PAGE]
            answer = self._connection.call("GET", "/api/3.0/mlflow/traces/batchGet", query={"trace_ids": page})
            for each in answer.get("traces", []):
                found[each["trace_info"]["trace_id"]] = each.get("spans", [])
        return found

    def _spans_from_file(self, trace_id: str) -> list[JsonObject]:
        """Return the spans of a trace MLflow kept as a file, as it does when the database refuses them.

        That happens to every trace of a batch in which one attribute has, say, an integer of more than 64 bits.
        """
        try:
            answer = self._connection.call(
                "GET", "/ajax-api/3.0/mlflow/get-trace-artifact", query={"request_id": trace_id}
            )
        except RefusedError:
            return []  # it has no spans yet, or they were lost: a trace without spans says so
        return list(answer.get("spans", []))

    def _stored(self, run: JsonObject) -> dict[str, int]:
        """List a run's files with their bytes in the server's own folder: one look, not a request for each folder."""
        uri = str(run["info"].get("artifact_uri", ""))
        if self._artifacts is None or not uri.startswith(PROXIED):
            return {}
        root = self._artifacts / uri.removeprefix(PROXIED).lstrip("/")
        found = (Path(folder, name) for folder, _, names in os.walk(root) for name in names)
        some = itertools.islice(found, FILES_LIMIT)
        return {path.relative_to(root).as_posix(): path.stat().st_size for path in some}

    def _files(self, run_id: str) -> dict[str, int]:
        """List a run's files, with their bytes, by asking for each folder."""
        files: dict[str, int] = {}
        folders = [""]
        while folders and len(files) < FILES_LIMIT:
            folder = folders.pop()
            query = {"run_id": run_id, **({"path": folder} if folder else {})}
            for each in self._connection.call("GET", "/api/2.0/mlflow/artifacts/list", query=query).get("files", []):
                if each.get("is_dir"):
                    folders.append(each["path"])
                else:
                    files[each["path"]] = int(each.get("file_size", UNKNOWN_SIZE))
        return files


def _has_no_run(info: JsonObject) -> bool:
    return "mlflow.sourceRun" not in info.get("trace_metadata", {})


def _has_spans_in_store(info: JsonObject) -> bool:
    return bool(info.get("tags", {}).get("mlflow.trace.spansLocation") == IN_TRACKING_STORE)


def _is_complete(trace: Trace) -> bool:
    """Tell whether nothing more is to come: MLflow stores a trace and its spans by separate requests."""
    return trace.state != "IN_PROGRESS" and bool(trace.spans) and all(s.status != "IN_PROGRESS" for s in trace.spans)
