"""The environment of a case: variables that point a process started by it to Claude."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from e2i_eval.claude.environment import DUMMY_KEY
from e2i_eval.claude.forwarding import KEY_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

__all__ = ["CaseEnvironment", "variables_of"]

LOOPBACK = "127.0.0.1,localhost"
PROXY_EXCEPTIONS = ("NO_PROXY", "no_proxy")
NAMES = ("ANTHROPIC_BASE_URL", *KEY_VARIABLES, *PROXY_EXCEPTIONS)


def variables_of(url: str, environ: Mapping[str, str]) -> dict[str, str | None]:
    """Return what the environment of a process must hold to reach Claude at ``url``; None for what it must not."""
    key = next((name for name in KEY_VARIABLES if environ.get(name)), KEY_VARIABLES[0])
    exceptions = next((environ[name] for name in PROXY_EXCEPTIONS if environ.get(name)), "")
    without_proxy = f"{exceptions},{LOOPBACK}" if exceptions else LOOPBACK
    return {
        "ANTHROPIC_BASE_URL": url,
        **{name: DUMMY_KEY if name == key else None for name in KEY_VARIABLES},
        **dict.fromkeys(PROXY_EXCEPTIONS, without_proxy),
    }


class CaseEnvironment:
    """Changes the process's environment for the case that was opened last, and puts it back after the last one.

    An environment belongs to the whole process: of several cases at a time only the last can have it, and the others
    must hand the address to their processes themselves.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self._environ = environ
        self._open: list[Mapping[str, str | None]] = []
        self._before: dict[str, str | None] = {}
        self._lock = threading.Lock()

    @contextmanager
    def of(self, url: str) -> Iterator[Mapping[str, str | None]]:
        """Let processes that the block starts ask Claude at ``url``."""
        with self._lock:
            if not self._open:
                self._before = {name: self._environ.get(name) for name in NAMES}
            values = variables_of(url, self._environ)
            self._open.append(values)
            self._assign(values)
        try:
            yield values
        finally:
            with self._lock:
                self._open[:] = [each for each in self._open if each is not values]
                self._assign(self._before)
                if self._open:
                    self._assign(self._open[-1])

    def _assign(self, values: Mapping[str, str | None]) -> None:
        for name, value in values.items():
            if value is None:
                self._environ.pop(name, None)
            else:
                self._environ[name] = value
