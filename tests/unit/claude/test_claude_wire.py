"""A wire changes the process while it is started, and not a moment longer."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import pytest
import respx

from e2i_eval.claude import ClaudeWire
from e2i_eval.claude.network import _active
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.errors import E2iError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.case import Case


def patched() -> list[object]:
    """Everything a wire patches."""
    transports: Any = importlib.import_module("httpx2._transports.default")
    base: Any = importlib.import_module("anthropic._base_client")
    return [
        httpx2.Client.__dict__["_transport_for_url"],
        httpx2.AsyncClient.__dict__["_transport_for_url"],
        httpx2.HTTPTransport.handle_request,
        httpx2.AsyncHTTPTransport.handle_async_request,
        transports.create_ssl_context,
        vars(base.SyncAPIClient)["_sleep_for_retry"],
        vars(base.AsyncAPIClient)["_sleep_for_retry"],
    ]


def test_the_environment_is_emptied_and_restored() -> None:
    """What would change a mocked run is gone meanwhile."""
    before = {
        "ANTHROPIC_API_KEY": "real",
        "ANTHROPIC_BASE_URL": "https://gateway.example",
        "https_proxy": "http://proxy.example",
        "LANGSMITH_TRACING": "true",
        "LANGCHAIN_TRACING_V2": "true",
        "HOME": "/home/me",
    }
    environ = dict(before)
    wire = ClaudeWire(mode="mock", environ=environ, clock=SystemClock())
    wire.start()
    meanwhile = dict(environ)
    wire.stop()

    assert meanwhile == {"ANTHROPIC_API_KEY": "e2i-eval-no-key", "HOME": "/home/me"}
    assert environ == before


def test_live_leaves_the_environment_alone() -> None:
    """The user's key and proxy are what live is about."""
    environ = {"ANTHROPIC_API_KEY": "real", "HTTPS_PROXY": "http://proxy.example"}
    wire = ClaudeWire(mode="live", environ=environ, clock=SystemClock())
    wire.start()
    meanwhile, guards = dict(environ), len(_active)
    wire.stop()

    assert meanwhile == environ
    assert guards == 0


def test_stop_takes_every_patch_back() -> None:
    """And may be called twice; the wire can be started again."""
    before = patched()
    wire = ClaudeWire(mode="mock", environ={}, clock=SystemClock())
    for _ in range(2):
        wire.start()
        meanwhile = patched()
        wire.stop()
        wire.stop()

        assert meanwhile != before
        assert patched() == before
    assert _active == []


def test_clients_share_one_tls_context(wire: ClaudeWire) -> None:
    """Each would cost 26 ms."""
    assert wire.mode == "mock"
    transports: Any = importlib.import_module("httpx2._transports.default")

    assert transports.create_ssl_context(verify=True) is transports.create_ssl_context(verify=True)
    assert transports.create_ssl_context(verify=False) is not transports.create_ssl_context(verify=False)


def test_the_public_place_is_used_when_the_private_one_is_gone(
    monkeypatch: pytest.MonkeyPatch, make_case: Callable[..., Case], ask: Callable[..., Any]
) -> None:
    """A new httpx2 may have moved it: then its transports are patched, and all goes on."""

    def forget(self: Any, place: str, relay: Any = None) -> None:  # noqa: ANN401 - a stand-in
        del self, place, relay
        msg = "type object 'Client' has no attribute '_transport_for_url'"
        raise AttributeError(msg)

    transport_patch: Any = importlib.import_module("e2i_eval.claude.transport_patch")
    monkeypatch.setattr(transport_patch.TransportPatch, "_take_from_clients", forget)
    wire = ClaudeWire(mode="mock", environ=os.environ, clock=SystemClock())
    wire.start()
    try:
        with wire.capture(make_case("by the other way")) as capture:
            answer = ask()
    finally:
        wire.stop()

    assert "by the other way" in repr(answer)
    assert len(capture.exchanges) == 1


def test_a_seam_that_does_not_hold_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Better no run than one that sees nothing; nothing stays patched."""
    before = patched()
    transport_patch: Any = importlib.import_module("e2i_eval.claude.transport_patch")
    monkeypatch.setattr(transport_patch, "is_claude", lambda _: False)
    environ = {"ANTHROPIC_API_KEY": "real"}
    wire = ClaudeWire(mode="mock", environ=environ, clock=SystemClock())

    with pytest.raises(E2iError, match=r"the requests of anthropic \S+ cannot be taken over \(client: ask: "):
        wire.start()

    assert patched() == before
    assert environ == {"ANTHROPIC_API_KEY": "real"}


def test_an_absent_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to type."""
    monkeypatch.setitem(sys.modules, "anthropic", None)
    wire = ClaudeWire(mode="mock", environ={}, clock=SystemClock())

    with pytest.raises(UsageError) as caught:
        wire.start()

    assert str(caught.value) == "anthropic is not installed\n  fix: pip install anthropic"


def test_an_old_sdk_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the versions that do work."""
    monkeypatch.setattr(anthropic, "__version__", "0.39.0")
    wire = ClaudeWire(mode="mock", environ={}, clock=SystemClock())

    with pytest.raises(UsageError, match=r"anthropic 0\.39\.0 is too old\n  fix: install anthropic 0\.120 or newer"):
        wire.start()


def test_a_tape_needs_a_started_wire(make_case: Callable[..., Case]) -> None:
    """Else the case would reach Claude unseen."""
    wire = ClaudeWire(mode="mock", environ={}, clock=SystemClock())

    with pytest.raises(E2iError, match="not started"), wire.capture(make_case()):
        pass


def test_a_users_own_mocks_go_on_working(
    wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]
) -> None:
    """Respx for httpx, and a mock transport of httpx2 for other addresses."""
    import httpx  # noqa: PLC0415 - the user's library, not the SDK's

    transport = httpx2.MockTransport(lambda _: httpx2.Response(204))
    with (
        respx.mock(assert_all_called=False) as router,
        wire.capture(make_case("a")) as capture,
        httpx2.Client(transport=transport) as other,
        anthropic.Anthropic() as claude,
    ):
        router.get("https://shop.example/orders").respond(json={"orders": 7})
        orders = httpx.get("https://shop.example/orders").json()
        other_status = other.get("https://elsewhere.example/").status_code
        claude.messages.create(**request_body)

    assert orders == {"orders": 7}
    assert other_status == 204
    assert len(capture.exchanges) == 1


def test_a_clients_own_transport_is_passed_by_only_for_claude(wire: ClaudeWire, make_case: Callable[..., Case]) -> None:
    """A client made before the tape, with a transport that would fail, still hears the script."""

    def refuse(_: httpx2.Request) -> httpx2.Response:
        msg = "not scripted"
        raise AssertionError(msg)

    http_client = anthropic.DefaultHttpxClient(transport=httpx2.MockTransport(refuse))
    with anthropic.Anthropic(http_client=http_client) as claude, wire.capture(make_case("a")):
        message = claude.messages.create(
            model="claude-opus-4-8", max_tokens=1, messages=[{"role": "user", "content": "x"}]
        )

    assert message.content[0].to_dict()["text"] == "a"
