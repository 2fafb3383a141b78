"""What a target's logging sends to the tracking server, as values that a fault may change on the way."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.core.json_value import JsonObject

__all__ = ["Handling", "HttpRequest", "HttpResponse"]

SPANS_PATH = "/v1/traces"
FILE_PATHS = ("/mlflow-artifacts/artifacts/", "/upload-artifact")
API_PREFIXES = ("/api/2.0/mlflow/", "/api/3.0/mlflow/", "/ajax-api/2.0/mlflow/", "/ajax-api/3.0/mlflow/")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One HTTP request.

    Attributes:
        method: in capitals.
        path: with its query, as sent.
        headers: by lower-case name; what belongs to the connection alone is left out.
        body: as sent.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def has_spans(self) -> bool:
        """Tell whether it carries spans as OTLP protobuf."""
        return self.method == "POST" and self.path.partition("?")[0].endswith(SPANS_PATH)

    @property
    def has_file(self) -> bool:
        """Tell whether it stores a file of a run."""
        return self.method in {"PUT", "POST"} and any(each in self.path for each in FILE_PATHS)

    @property
    def file(self) -> str:
        """The last part of the stored file's name."""
        return unquote(self.path.rpartition("/" if self.method == "PUT" else "path=")[2]).rpartition("/")[2]

    @property
    def is_write(self) -> bool:
        """Tell whether it changes what is stored; a search asks by POST."""
        return self.method != "GET" and not self.path.partition("?")[0].endswith("/search")

    @property
    def call(self) -> str:
        """What of the REST API is called (``runs/log-batch``); empty for anything else."""
        path = self.path.partition("?")[0]
        return next((path.removeprefix(each) for each in API_PREFIXES if path.startswith(each)), "")

    def json(self) -> JsonObject:
        """Return the body as a JSON object; empty where it is none."""
        try:
            body = json.loads(self.body)
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}

    def with_json(self, body: JsonObject) -> HttpRequest:
        """Return the request with another body."""
        return replace(self, body=json.dumps(body).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """One HTTP response."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """What becomes of a request.

    Attributes:
        send: what the server gets, in order; the sender hears the last one's answer.
        answer: what the sender hears, whatever the server said; with nothing to send and no answer the sender gets
            that all went well, as the server would.
        later: what the server gets after the case was judged.
    """

    send: tuple[HttpRequest, ...] = ()
    answer: HttpResponse | None = None
    later: tuple[HttpRequest, ...] = ()
