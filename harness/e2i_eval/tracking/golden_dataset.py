"""MLflow's evaluation dataset as a mirror of the goldens: made equal by as few requests as it takes."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from e2i_eval.dataset.record import CASE_TAG, CONTENT_TAG
from e2i_eval.tracking.connection import Connection
from e2i_eval.tracking.experiment import Experiment
from e2i_eval.tracking.served import served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.dataset.record import DatasetRecord

__all__ = ["GoldenDataset", "golden_dataset"]

API = "/api/3.0/mlflow/datasets"
PAGE = 1_000
READ_S = 30.0
"""Two hundred records take a busy server seconds."""
RECORDS_A_REQUEST = 200
"""More than these in one request keep the server from answering anybody for longer than a second."""


class GoldenDataset:
    """The dataset of one name on one server.

    Args:
        connection: to the server.
        name: of the dataset.
        experiment: name of the experiment it belongs to; made when there is none.
    """

    def __init__(self, connection: Connection, *, name: str, experiment: str) -> None:
        self._connection = connection
        self._name = name
        self._experiment = Experiment(connection, experiment)
        self._dataset_id = ""
        self._keys: dict[str, str] = {}

    def known(self) -> dict[str, str]:
        """Return the content hash of each record, by case id; the dataset is made when there is none.

        Raises:
            UnknownError: the server did not answer, or keeps no datasets.
        """
        self._dataset_id = self._found() or self._created()
        stored = list(self._records(self._dataset_id))
        self._keys = {tags.get(CASE_TAG, ""): key for key, tags in stored}
        return {tags.get(CASE_TAG, ""): tags.get(CONTENT_TAG, "") for _, tags in stored}

    def change(self, *, put: Sequence[DatasetRecord], remove: Sequence[str]) -> tuple[str, str]:
        """Put records in the place of those of the same case, remove others; return the dataset's id and digest.

        MLflow merges expectations into those that are there, so that what a case no longer expects would stay: a
        changed record is removed first.

        Raises:
            UnknownError: the server did not answer.
        """
        replaced = [record.case_id for record in put if record.case_id in self._keys]
        self._delete(self._dataset_id, [self._keys[case_id] for case_id in (*remove, *replaced)])
        self._insert(self._dataset_id, [record.to_json() for record in put])
        return self._dataset_id, self._digest(self._dataset_id)

    def link(self, run_id: str, dataset_id: str, digest: str) -> None:
        """Have a run say which goldens it was judged by: as tags, and as the dataset it used.

        Raises:
            UnknownError: the server did not answer.
        """
        tags = {"e2i_eval.dataset": dataset_id, "e2i_eval.dataset_digest": digest}
        body = {"run_id": run_id, "tags": [{"key": key, "value": value} for key, value in tags.items()]}
        self._connection.call("POST", "/api/2.0/mlflow/runs/log-batch", body)
        dataset = {
            "name": self._name,
            "digest": digest,
            "source_type": "mlflow_evaluation_dataset",
            "source": json.dumps({"dataset_id": dataset_id}),
        }
        used = {"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "evaluation"}]}
        self._connection.call("POST", "/api/2.0/mlflow/runs/log-inputs", {"run_id": run_id, "datasets": [used]})

    def _found(self) -> str | None:
        """Return the id of the dataset, and see that it belongs to the experiment; None when there is none."""
        body = {"filter_string": f"name = '{self._name}'", "max_results": 1, "order_by": ["created_time ASC"]}
        answer = self._connection.call("POST", f"{API}/search", body)
        dataset = next(iter(answer.get("datasets", [])), None)
        if dataset is None:
            return None
        dataset_id = str(dataset["dataset_id"])
        linked = self._connection.call("GET", f"{API}/{dataset_id}/experiment-ids").get("experiment_ids", [])
        if self._experiment.id not in linked:
            own = {"experiment_ids": [self._experiment.id]}
            self._connection.call("POST", f"{API}/{dataset_id}/add-experiments", own)
        return dataset_id

    def _created(self) -> str:
        tags = json.dumps({"e2i_eval.mirrors": "goldens"})
        body = {"name": self._name, "experiment_ids": [self._experiment.id], "tags": tags}
        return str(self._connection.call("POST", f"{API}/create", body)["dataset"]["dataset_id"])

    def _records(self, dataset_id: str) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield id and tags of each record that was stored."""
        query: dict[str, str] = {"max_results": str(PAGE)}
        while True:
            answer = self._connection.call("GET", f"{API}/{dataset_id}/records", query=query)
            for each in json.loads(answer.get("records") or "[]"):
                yield str(each["dataset_record_id"]), each.get("tags") or {}
            if not answer.get("next_page_token"):
                return
            query["page_token"] = str(answer["next_page_token"])

    def _delete(self, dataset_id: str, record_ids: Sequence[str]) -> None:
        if record_ids:
            body = {"dataset_record_ids": list(record_ids)}
            self._connection.call("DELETE", f"{API}/{dataset_id}/records", body)

    def _insert(self, dataset_id: str, records: Sequence[JsonObject]) -> None:
        for start in range(0, len(records), RECORDS_A_REQUEST):
            body: dict[str, Any] = {"records": json.dumps(records[start : start + RECORDS_A_REQUEST])}
            self._connection.call("POST", f"{API}/{dataset_id}/records", body)

    def _digest(self, dataset_id: str) -> str:
        return str(self._connection.call("GET", f"{API}/{dataset_id}")["dataset"].get("digest", ""))


@contextmanager
def golden_dataset(
    place: Path | str, *, name: str, experiment: str, cache: Path, environ: Mapping[str, str]
) -> Iterator[GoldenDataset]:
    """Open the dataset of a server, or of a store by a temporary server on it.

    Args:
        place: folder of a store, or address of a server.
        name: of the dataset.
        experiment: name of the experiment it belongs to.
        cache: the user's cache folder.
        environ: the environment to start from.

    Raises:
        ServerError: the store cannot be served.
    """
    with served(place, cache=cache, environ=environ) as uri:
        connection = Connection(uri, environ, read_s=READ_S)
        try:
            yield GoldenDataset(connection, name=name, experiment=experiment)
        finally:
            connection.close()
