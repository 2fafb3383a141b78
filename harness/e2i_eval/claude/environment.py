"""The environment of a run without Claude: no key, no proxy, no tracing service."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

__all__ = ["DUMMY_KEY", "MockEnvironment"]

DUMMY_KEY = "e2i-eval-no-key"
"""The SDK refuses to send a request without a key; this one opens nothing."""

DROPPED_PREFIXES = ("ANTHROPIC_", "LANGSMITH_", "LANGCHAIN_")
DROPPED_NAMES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})


class MockEnvironment:
    """Takes out of an environment what would change a mocked run, and puts it back."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self._environ = environ
        self._dropped: dict[str, str] = {}
        self._is_applied = False

    def apply(self) -> None:
        """Drop the variables of services and proxies, and set a key that opens nothing."""
        self._dropped = {name: value for name, value in self._environ.items() if _is_dropped(name)}
        for name in self._dropped:
            del self._environ[name]
        self._environ["ANTHROPIC_API_KEY"] = DUMMY_KEY
        self._is_applied = True

    def restore(self) -> None:
        """Put the environment back as it was."""
        if self._is_applied:
            self._environ.pop("ANTHROPIC_API_KEY", None)
            self._environ.update(self._dropped)
            self._is_applied = False


def _is_dropped(name: str) -> bool:
    return name.startswith(DROPPED_PREFIXES) or name.upper() in DROPPED_NAMES
