"""What is written on a trace once it is judged: assessments and tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from e2i_eval.core.json_value import JsonObject

__all__ = ["Annotation"]

TAG_LENGTH = 5000
IN_PROGRESS = "IN_PROGRESS"

KEPT = ("trace_id", "trace_location", "request_time", "execution_duration", "state", "client_request_id")
"""What goes back to the server unchanged when a trace is sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """Assessments and tags for one trace, in the form of the REST API.

    ``info`` is the trace's info as the server gave it.
    """

    info: JsonObject
    assessments: Sequence[JsonObject] = ()
    tags: Mapping[str, str]

    @property
    def trace_id(self) -> str:
        """The trace's id."""
        return str(self.info["trace_id"])

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.assessments and not self.tags

    @property
    def may_be_whole(self) -> bool:
        """Whether the trace may be sent once more: one under way would be taken for finished as it is."""
        return self.info.get("state") not in {None, IN_PROGRESS}

    def whole(self) -> tuple[str, str, JsonObject]:
        """Return one request that writes everything: the trace once more, which the server merges into the one it has.

        Seen on MLflow 3.17.2: tags and assessments are added, spans, previews, tokens and links stay.
        """
        kept = {name: self.info[name] for name in KEPT if self.info.get(name) is not None}
        sent = {**kept, "tags": self._tags, "assessments": [self._own(each) for each in self.assessments]}
        return "POST", "/api/3.0/mlflow/traces", {"trace": {"trace_info": sent}}

    def is_in(self, answer: JsonObject) -> bool:
        """Tell whether the server's ``answer`` to :meth:`whole` shows the trace as it was, with every assessment.

        Tags are not looked at: 3.17.2 stores them and answers with those that the trace had before.
        """
        stored = answer.get("trace", {}).get("trace_info", {})
        names = {each.get("assessment_name") for each in stored.get("assessments", [])}
        return (
            bool(stored)
            and stored.get("state") == self.info.get("state")
            and all(each["assessment_name"] in names for each in self.assessments)
        )

    def singly(self) -> Iterator[tuple[str, str, JsonObject]]:
        """Yield the same as a request for each assessment and each tag."""
        path = f"/api/3.0/mlflow/traces/{self.trace_id}"
        for each in self.assessments:
            yield "POST", f"{path}/assessments", {"assessment": self._own(each)}
        for key, value in self._tags.items():
            yield "PATCH", f"{path}/tags", {"key": key, "value": value}

    @property
    def _tags(self) -> dict[str, str]:
        return {key: value[:TAG_LENGTH] for key, value in self.tags.items()}

    def _own(self, assessment: JsonObject) -> JsonObject:
        return {**assessment, "trace_id": self.trace_id}
