"""The transport patch: the places where the SDK and its HTTP library are patched for a run.

Importing this module loads the SDK and its HTTP libraries.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Literal

import anthropic

from e2i_eval.claude.library import http
from e2i_eval.claude.relay import is_claude

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from e2i_eval.claude.relay import Relay

__all__ = ["Place", "TransportPatch"]

Place = Literal["client", "transport"]
"""Where requests are taken over.

``client``: where a client picks its transport; sees every transport, also aiohttp's, proxies and a user's own, but
is private to the library. ``transport``: the library's own transports; public, and blind to all others.
"""


class TransportPatch:
    """Patches that can be taken back."""

    def __init__(self) -> None:
        self._undo: list[tuple[type | Any, str, Any]] = []

    def take_requests(self, relay: Relay, place: Place) -> None:
        """Send every request to Claude through ``relay``.

        Raises:
            AttributeError: the library has no such place.
        """
        if place == "client":
            self._take_from_clients(relay)
        else:
            self._take_from_transports(relay)

    def skip_retry_waits(self) -> None:
        """Let the SDK try again at once: what a script says about waiting is not waited for."""
        for client, wait in ((anthropic.Anthropic, _no_wait), (anthropic.AsyncAnthropic, _no_wait_async)):
            # Private to the SDK; should it be gone, retries wait as they do in production.
            owner = next((base for base in client.__mro__ if "_sleep_for_retry" in vars(base)), None)
            if owner is not None:
                self._patch(owner, "_sleep_for_retry", wait)

    def share_tls_context(self) -> None:
        """Build the default TLS context once: each costs 26 ms of CPU, and a mocked client never uses it."""
        module = importlib.import_module(f"{http.__name__}._transports.default")
        build = getattr(module, "create_ssl_context", None)  # private: without it clients are only slower
        if build is not None:
            self._patch(module, "create_ssl_context", _building_once(build))

    def adopt(self, other: TransportPatch) -> None:
        """Take over the patches of ``other``, to be removed with this one's."""
        self._undo += other._undo
        other._undo = []

    def remove(self) -> None:
        """Take all patches back, the last one first."""
        while self._undo:
            owner, name, original = self._undo.pop()
            setattr(owner, name, original)

    def _patch(self, owner: Any, name: str, replacement: Any) -> None:  # noqa: ANN401 - modules and classes alike
        self._undo.append((owner, name, vars(owner)[name]))
        setattr(owner, name, replacement)

    def _take_from_clients(self, relay: Relay) -> None:
        pick = http.Client._transport_for_url  # noqa: SLF001 - the self-test proves that it still is what we think
        pick_async = http.AsyncClient._transport_for_url  # noqa: SLF001 - as above

        def picked(client: http.Client, url: http.URL) -> http.BaseTransport:
            transport = pick(client, relay.destination(url))
            return _Relayed(transport, relay) if is_claude(url) else transport

        def picked_async(client: http.AsyncClient, url: http.URL) -> http.AsyncBaseTransport:
            transport = pick_async(client, relay.destination(url))
            return _RelayedAsync(transport, relay) if is_claude(url) else transport

        self._patch(http.Client, "_transport_for_url", picked)
        self._patch(http.AsyncClient, "_transport_for_url", picked_async)

    def _take_from_transports(self, relay: Relay) -> None:
        handle = http.HTTPTransport.handle_request
        handle_async = http.AsyncHTTPTransport.handle_async_request

        def handled(transport: http.HTTPTransport, request: http.Request) -> http.Response:
            pass_on = _bound(handle, transport)
            return relay.send(request, pass_on) if is_claude(request.url) else pass_on(request)

        async def handled_async(transport: http.AsyncHTTPTransport, request: http.Request) -> http.Response:
            pass_on = _bound(handle_async, transport)
            return await (relay.send_async(request, pass_on) if is_claude(request.url) else pass_on(request))

        self._patch(http.HTTPTransport, "handle_request", handled)
        self._patch(http.AsyncHTTPTransport, "handle_async_request", handled_async)


class _Relayed(http.BaseTransport):
    """A transport behind the relay. It owns nothing: its client closes the transport itself."""

    def __init__(self, transport: http.BaseTransport, relay: Relay) -> None:
        self._transport = transport
        self._relay = relay

    def handle_request(self, request: http.Request) -> http.Response:
        return self._relay.send(request, self._transport.handle_request)


class _RelayedAsync(http.AsyncBaseTransport):
    """As above, for asynchronous clients."""

    def __init__(self, transport: http.AsyncBaseTransport, relay: Relay) -> None:
        self._transport = transport
        self._relay = relay

    async def handle_async_request(self, request: http.Request) -> http.Response:
        return await self._relay.send_async(request, self._transport.handle_async_request)


def _bound(function: Callable[..., Any], owner: object) -> Callable[[http.Request], Any]:
    return lambda request: function(owner, request)


def _no_wait(*_args: object, **_kwargs: object) -> None:
    return None


async def _no_wait_async(*_args: object, **_kwargs: object) -> None:
    return None


def _building_once(build: Callable[..., ssl.SSLContext]) -> Callable[..., ssl.SSLContext]:
    made: dict[bool, ssl.SSLContext] = {}

    def built(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:  # noqa: ANN401, FBT001, FBT002 - the library's signature
        if verify is not True or cert is not None:
            return build(verify=verify, cert=cert, trust_env=trust_env)
        if trust_env not in made:
            made[trust_env] = build(verify=True, trust_env=trust_env)
        return made[trust_env]

    return built
