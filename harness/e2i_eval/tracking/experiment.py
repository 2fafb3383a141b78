"""The experiment all sessions are recorded in."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from e2i_eval.tracking.connection import RefusedError

if TYPE_CHECKING:
    from e2i_eval.tracking.connection import Connection

__all__ = ["Experiment"]


class Experiment:
    """An experiment by name, found or made when its id is first asked for."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    @cached_property
    def id(self) -> str:
        """Its id; made, or taken out of the bin, when it is not there.

        Raises:
            UnknownError: the server did not answer, or refused.
        """
        return self._found() or self._created()

    def _found(self) -> str:
        query = {"experiment_name": self._name}
        try:
            answer = self._connection.call("GET", "/api/2.0/mlflow/experiments/get-by-name", query=query)
        except RefusedError as error:
            if error.code == "RESOURCE_DOES_NOT_EXIST":
                return ""
            raise
        experiment = answer["experiment"]
        if experiment.get("lifecycle_stage") == "deleted":
            body = {"experiment_id": experiment["experiment_id"]}
            self._connection.call("POST", "/api/2.0/mlflow/experiments/restore", body)
        return str(experiment["experiment_id"])

    def _created(self) -> str:
        try:
            answer = self._connection.call("POST", "/api/2.0/mlflow/experiments/create", {"name": self._name})
        except RefusedError as error:
            if error.code == "RESOURCE_ALREADY_EXISTS":  # another session was first
                return self._found()
            raise
        return str(answer["experiment_id"])
