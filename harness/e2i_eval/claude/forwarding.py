"""Forwarding: where a request that was sent to the endpoint really goes, and with which key.

Importing this module loads the SDK and its HTTP library.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from e2i_eval.claude.environment import DUMMY_KEY
from e2i_eval.claude.library import http

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KEY_VARIABLES", "Forwarding", "is_forwarding"]

API_URL = "https://api.anthropic.com"
KEY_VARIABLES = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
"""Variables that hold what a client identifies itself by; the SDK takes the first that is set."""

SECRET_HEADERS = ("x-api-key", "authorization")
HEADERS_OF_A_HOP = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that say something of one connection alone."""

is_forwarding: ContextVar[bool] = ContextVar("e2i_eval_is_forwarding", default=False)
"""Set while the endpoint sends on what it has recorded: the transport patch must not record it again."""


class Forwarding:
    """Sends on to the configured API what came to the endpoint.

    A process under evaluation knows the endpoint's address and a key that opens nothing; address and key are replaced
    here, and nowhere else, by those that the environment named before.

    Args:
        own_url: address of the endpoint.
        environ: the environment before it was changed for a case.
    """

    def __init__(self, own_url: str, environ: Mapping[str, str]) -> None:
        self._own = urlsplit(own_url)
        self.base_url = (environ.get("ANTHROPIC_BASE_URL") or API_URL).rstrip("/")
        self._secret = next((environ[name] for name in KEY_VARIABLES if environ.get(name)), "")
        self._client: http.Client | None = None

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> http.Request:
        """Return what came to the endpoint as a request to the API; ``path`` is what follows the case's address."""
        kept = {name: value for name, value in headers.items() if name.lower() not in HEADERS_OF_A_HOP}
        timeout = {"connect": _patience_s(headers), "read": _patience_s(headers)}
        extensions = {"timeout": {**timeout, "write": None, "pool": None}}
        request = http.Request(method, self.base_url + path, headers=kept, content=body, extensions=extensions)
        self._use_real_secret(request)
        return request

    def destination(self, url: http.URL) -> http.URL:
        """Return where a request to ``url`` goes: one to the endpoint goes to the API."""
        if (url.host, url.port) != (self._own.hostname, self._own.port):
            return url
        _, _, rest = url.raw_path.decode("ascii").removeprefix("/c/").partition("/")
        return http.URL(f"{self.base_url}/{rest}")

    def readdress(self, request: http.Request) -> None:
        """Turn a request that this process sends to the endpoint into one to the API."""
        url = self.destination(request.url)
        if url != request.url:
            request.url = url
            request.headers["host"] = url.netloc.decode("ascii")
        self._use_real_secret(request)

    def send(self, request: http.Request) -> http.Response:
        """Send a request to the API, past the transport patch; the body of the response is yet to come.

        Raises:
            http.TransportError: no response began.
        """
        if self._client is None:
            self._client = http.Client(follow_redirects=False)
        token = is_forwarding.set(True)
        try:
            return self._client.send(request, stream=True)
        finally:
            is_forwarding.reset(token)

    def close(self) -> None:
        """Close the connections to the API."""
        if self._client is not None:
            self._client.close()

    def _use_real_secret(self, request: http.Request) -> None:
        if not self._secret:
            return
        for name in SECRET_HEADERS:
            value = request.headers.get(name, "")
            if DUMMY_KEY in value:
                request.headers[name] = value.replace(DUMMY_KEY, self._secret)


def _patience_s(headers: Mapping[str, str]) -> float | None:
    """Return how long the client waits for an answer, as the SDKs say; None when it does not say."""
    said = {name.lower(): value for name, value in headers.items()}
    for name in ("x-stainless-read-timeout", "x-stainless-timeout"):
        try:
            return float(said[name])
        except (KeyError, ValueError):
            continue
    return None
