"""A server as a child process, for tests."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from e2i_eval.core.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from e2i_eval.core.json_value import JsonObject

__all__ = ["ClaudeServer", "Counts"]

CONTROL_TIMEOUT_S = 10.0
POLL_S = 0.02
SETTLE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a server did.

    Attributes:
        asked: requests for a message, refused and broken ones included.
        paid: answers that a client read to the end.
        statuses: how requests ended: ``200``, ``429``, ``reset``, ``abandoned`` (the client left) and so on.
        most_under_way: the most requests that were under way at once.
        held: requests that wait because of ``hold_after``.
        repeated: digests of the bodies that were paid more than once, with how often.
    """

    asked: int
    paid: int
    statuses: Mapping[str, int]
    most_under_way: int
    held: int
    repeated: Mapping[str, int] = field(default_factory=dict)


class ClaudeServer:
    """Starts the server, asks it what it did, and ends it; use it as a context manager.

    Args:
        answers: prepared answers, see ``ServerPlan.answers``.
        options: parts of ``ServerPlan`` by name; ``fault`` is a list of what may go wrong.

    Attributes:
        url: what ``ANTHROPIC_BASE_URL`` must be.
    """

    def __init__(self, *, answers: Sequence[JsonObject] = (), **options: float | str | Sequence[str]) -> None:
        self._answers = list(answers)
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        """Start it.

        Raises:
            ServerError: it does not start.
        """
        with tempfile.TemporaryDirectory(prefix="e2i-eval-claude-") as folder:
            file = Path(folder) / "answers.json"
            file.write_text(json.dumps(self._answers), encoding="utf-8")
            command = [sys.executable, "-m", "e2i_eval.testing.claude_server", "--answers", str(file), *self._flags()]
            self._process = subprocess.Popen(  # noqa: S603  our own module
                command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, start_new_session=True
            )
            self.url = (self._process.stdout.readline() if self._process.stdout else "").strip()
        if not self.url:
            self.stop()
            what = f"the server did not start: {' '.join(command)}"
            raise ServerError(what)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.stop()

    def stop(self) -> None:
        """End it; may be called twice."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout:
                self._process.stdout.close()
            self._process = None

    def change(self, **parts: object) -> None:
        """Change parts of its plan, e.g. ``hold_after=None``."""
        self._control(json.dumps(parts).encode())

    def counts(self, *, settle_s: float = SETTLE_S) -> Counts:
        """Ask it what it did.

        Args:
            settle_s: how long to wait for requests under way: an answer counts once its client has hung up.
        """
        end_s = time.monotonic() + settle_s
        state = self._control()
        while state["under_way"] > state["held"] and time.monotonic() < end_s:
            time.sleep(POLL_S)
            state = self._control()
        repeated = {digest: body["paid"] for digest, body in state["bodies"].items() if body["paid"] > 1}
        known = {name: state[name] for name in ("asked", "paid", "statuses", "most_under_way", "held")}
        return Counts(**known, repeated=repeated)

    def wait_held(self, timeout_s: float) -> Counts:
        """Wait until ``hold_after`` holds a request back and no other is being answered.

        Raises:
            ServerError: that did not happen in time.
        """
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            state = self._control()
            if state["held"] and state["held"] == state["under_way"]:
                return self.counts()
            time.sleep(POLL_S)
        what = f"the server held nothing back within {timeout_s:g} s: {self.counts()}"
        raise ServerError(what)

    def _flags(self) -> list[str]:
        flags: list[str] = []
        for name, value in self._options.items():
            many = [value] if isinstance(value, (str, float, int)) else list(value)
            flags += [part for each in many for part in ("--" + name.replace("_", "-"), str(each))]
        return flags

    def _control(self, data: bytes | None = None) -> Any:  # noqa: ANN401  JSON
        request = urllib.request.Request(f"{self.url}/control", data=data)  # noqa: S310  our own loopback address
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=CONTROL_TIMEOUT_S) as response:
            return json.load(response)
