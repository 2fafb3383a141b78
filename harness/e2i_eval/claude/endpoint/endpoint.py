"""The endpoint: its address, the cases that can be asked for there, and its server.

Importing this module loads the SDK and its HTTP library.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from e2i_eval.claude.endpoint.case_environment import CaseEnvironment
from e2i_eval.claude.endpoint.case_session import CaseSession
from e2i_eval.claude.endpoint.refusal import Refusal
from e2i_eval.claude.endpoint.server import EndpointServer
from e2i_eval.claude.forwarding import Forwarding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping

    from e2i_eval.claude.capture import Capture
    from e2i_eval.claude.relay import Relay

__all__ = ["Endpoint"]

TOKEN_BYTES = 12
"""So many that nobody guesses the address of a case: not a page in the user's browser either."""


class Endpoint:
    """Answers requests over HTTP as the relay answers those of this process, in all modes.

    Args:
        relay: records requests and answers them, or lets them pass.
        environ: the process's environment, which is changed while a case runs.
        is_open: whether what is no message may go to the API: in live and record.
        on_refused: called with a request that no case answers for.
    """

    def __init__(
        self, relay: Relay, *, environ: MutableMapping[str, str], is_open: bool, on_refused: Callable[[str], None]
    ) -> None:
        self.relay = relay
        self.is_open = is_open
        self._on_refused = on_refused
        self._surroundings = CaseEnvironment(environ)
        self._case_sessions: dict[str, CaseSession] = {}
        self._over: dict[str, str] = {}
        self._lock = threading.Lock()
        self._server = EndpointServer(self)
        self.forwarding = Forwarding(self._server.url, environ)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="e2i-eval-endpoint")
        self._thread.daemon = True
        self._thread.start()

    @property
    def hosts(self) -> frozenset[str]:
        """What a request may call this host; any other name came here by a name server's mistake, or its malice."""
        port = self._server.server_port
        return frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})

    @contextmanager
    def serving(self, capture: Capture) -> Iterator[None]:
        """Let other processes ask Claude for the case of ``capture``, which is open in this context."""
        token = secrets.token_hex(TOKEN_BYTES)
        with self._lock:
            self._case_sessions[token] = CaseSession(capture)
        try:
            with self._surroundings.of(self.address(token)) as variables:
                capture.variables = variables
                yield
        finally:
            with self._lock:
                del self._case_sessions[token]
                self._over[token] = capture.case.id

    def address(self, token: str) -> str:
        """Return the base URL of the case that has ``token``."""
        return f"{self._server.url}/c/{token}"

    def case_session(self, token: str) -> CaseSession:
        """Return the case that has ``token``.

        Raises:
            Refusal: none has it, or the case has ended.
        """
        with self._lock:
            case_session, case_id = self._case_sessions.get(token), self._over.get(token)
        if case_session is not None:
            return case_session
        if case_id is not None:
            message = f"case {case_id} has ended, and a process that it started asked Claude after that; wait for it"
            raise Refusal(403, message, is_noted=True)
        message = "no case has this address: use the ANTHROPIC_BASE_URL of the case that is running"
        raise Refusal(404, message, is_noted=True)

    def note(self, refusal: Refusal) -> None:
        """Tell of a refused request, where somebody must know."""
        if refusal.is_noted:
            self._on_refused(f"a request to the endpoint was refused: {refusal.message}")

    def stop(self) -> None:
        """Close the address; requests under way are cut off."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.forwarding.close()
