"""Requests to a tracking server that never wait long, and stop being made once the server is gone."""

from __future__ import annotations

import base64
import http.client
import json
import selectors
import ssl
import threading
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlencode, urlsplit

from e2i_eval.core.errors import UnknownError, UsageError

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["Connection", "RefusedError"]

CONNECT_S = 2.0
READ_S = 5.0
HEALTH_READ_S = 5.0
PATIENCE_S = 60.0
"""A busy machine may need so long for an answer, as long as the server says that it is well."""


class RefusedError(UnknownError):
    """The server answered that it will not do what was asked.

    Attributes:
        status: HTTP status.
        code: MLflow's error code (``RESOURCE_DOES_NOT_EXIST``); empty when it names none.
    """

    def __init__(self, what: str, *, status: int, code: str) -> None:
        super().__init__(what)
        self.status = status
        self.code = code


class Connection:
    """MLflow's REST API at one address, safe for several threads.

    MLflow's own client is not used: importing it costs two seconds of CPU in every process, its timeout covers
    connecting and reading alike, and it would send its requests through whatever a user's test has patched.

    Attributes:
        uri: the server's address without a trailing slash.
        doing: what the caller is about, for the message when the server is found gone (``case support/refund``).
        broken: why no more requests are made; empty while they are.
    """

    def __init__(self, uri: str, environ: Mapping[str, str], *, read_s: float = READ_S) -> None:
        parts = urlsplit(uri)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            what = f"{uri!r} is no address of a tracking server"
            raise UsageError(what, fix="give one like http://127.0.0.1:5000")
        self.uri = uri.rstrip("/")
        self.doing = "the session's start"
        self.broken = ""
        self._parts = parts
        self._read_s = read_s
        self._headers = {"Content-Type": "application/json", **_authorization(parts, environ)}
        self._tls = _tls(environ) if parts.scheme == "https" else None
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def call(
        self,
        method: str,
        path: str,
        body: JsonObject | None = None,
        query: Mapping[str, str | Sequence[str]] | None = None,
    ) -> dict[str, JsonValue]:
        """Make one request of the REST API; return the JSON object answered.

        Raises:
            RefusedError: the server refused.
            UnknownError: it did not answer; at once, without a request, after it was found gone.
        """
        data = None if body is None else json.dumps(body).encode()
        answer = self.send(method, f"{path}?{urlencode(query, doseq=True)}" if query else path, data)
        decoded = json.loads(answer) if answer else {}
        return decoded if isinstance(decoded, dict) else {}

    def send(self, method: str, path: str, data: bytes | None) -> bytes:
        """Make one request with a body of bytes; return the body answered. Raises as ``call`` does."""
        if self.broken:
            raise UnknownError(self.broken)
        try:
            status, answer = self._exchange(method, path, data)
        except (OSError, http.client.HTTPException) as error:
            raise self._trouble(error, f"{method} {path.partition('?')[0]}") from error
        if status >= http.client.BAD_REQUEST:
            raise _refused(method, path, status, answer)
        return answer

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until the server answers its health check; a socket that listens already keeps the request waiting.

        Raises:
            UnknownError: no answer after ``timeout_s``, or nothing listens.
        """
        if not self._healthy(timeout_s):
            self.broken = f"the tracking server at {self.uri} did not become ready within {timeout_s:g} s"
            raise UnknownError(self.broken)

    def check(self) -> None:
        """Give the server up if it leaves a health check unanswered for as long as any other request."""
        if not self.broken and not self._healthy(READ_S):
            self.broken = self._gone(f"no answer within {READ_S:g} s")

    def close(self) -> None:
        """Close the connections kept open."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _exchange(self, method: str, path: str, data: bytes | None) -> tuple[int, bytes]:
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        if kept is not None:
            try:
                return self._use(kept, method, path, data)
            except (ConnectionError, http.client.BadStatusLine):
                kept.close()  # the server had closed it while it was idle: nothing was done, a fresh one is tried
        return self._use(self._connect(self._read_s), method, path, data)

    def _use(
        self, connection: http.client.HTTPConnection, method: str, path: str, data: bytes | None
    ) -> tuple[int, bytes]:
        try:
            connection.request(method, self._parts.path.rstrip("/") + path, data, self._headers)
            self._await_answer(connection.sock)
            response = connection.getresponse()
            answer = response.read()
        except BaseException:
            connection.close()
            raise
        if not response.will_close:
            with self._lock:
                self._idle.append(connection)
        return response.status, answer

    def _await_answer(self, sock: socket.socket) -> None:
        """Wait for the answer's first byte: for long, but only for a server that answers its health check.

        Raises:
            TimeoutError: there is none, and the server is not well, or it took too long all the same.
        """
        patience_s = max(PATIENCE_S, self._read_s)
        waited_s = 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            while not selector.select(self._read_s):
                waited_s += self._read_s
                if waited_s >= patience_s or not self._healthy():
                    msg = f"no answer within {waited_s:g} s"
                    raise TimeoutError(msg)

    def _connect(self, read_s: float) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=CONNECT_S, context=self._tls)
            if self._tls is not None
            else http.client.HTTPConnection(host, port, timeout=CONNECT_S)
        )
        connection.connect()
        connection.sock.settimeout(read_s)
        return connection

    def _trouble(self, error: Exception, request: str) -> UnknownError:
        """Return what to raise for a request without answer; give the server up if its health check fails too."""
        if not self._healthy():
            self.broken = self.broken or self._gone(self._reason(error))
            return UnknownError(self.broken)
        return UnknownError(f"the tracking server at {self.uri} did not answer {request} ({self._reason(error)})")

    def _reason(self, error: Exception) -> str:
        if not isinstance(error, TimeoutError):
            return f"{type(error).__name__}: {error}"
        said = str(error)
        return said if said.startswith("no answer") else f"no answer within {self._read_s:g} s"

    def _gone(self, reason: str) -> str:
        return f"the tracking server at {self.uri} does not answer since {self.doing} ({reason})"

    def _healthy(self, read_s: float | None = None) -> bool:
        try:
            connection = self._connect(HEALTH_READ_S if read_s is None else read_s)
        except OSError:
            return False
        try:
            connection.request("GET", self._parts.path.rstrip("/") + "/health", headers=self._headers)
            return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _refused(method: str, path: str, status: int, answer: bytes) -> RefusedError:
    try:
        fields = json.loads(answer)
        code, message = str(fields.get("error_code", "")), str(fields.get("message", ""))
    except (ValueError, AttributeError):
        code, message = "", answer.decode(errors="replace")[:500]
    what = f"the tracking server refused {method} {path.partition('?')[0]} ({status} {code}): {message}"
    return RefusedError(what, status=status, code=code)


def _authorization(parts: SplitResult, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the header for MLflow's own variables, or for a user name in the address."""
    if token := environ.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    name = parts.username or environ.get("MLFLOW_TRACKING_USERNAME", "")
    word = parts.password or environ.get("MLFLOW_TRACKING_PASSWORD", "")
    if not (name and word):
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{word}".encode()).decode()}


def _tls(environ: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or None)
    if environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in {"true", "1"}:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
