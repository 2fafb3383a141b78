"""What a process must know of a session to take part in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonObject

__all__ = ["SessionRef"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRef:
    """What a process needs to take part in a session; crosses to xdist workers as JSON.

    Attributes:
        session_id: 32 hex digits.
        name: for a person.
        uri: the tracking server.
        scratch: folder the session's processes share.
        tags: for the session's run.
        params: for the session's run.
        artifacts: the folder in which the session's own server keeps files; empty for a server of the team's.
        live: the folder of the live run's journal; empty in the other modes.
    """

    session_id: str
    name: str
    uri: str
    scratch: str
    tags: JsonObject
    params: JsonObject
    artifacts: str = ""
    live: str = ""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The tracking server's host, which a mocked network must let through."""
        host = urlsplit(self.uri).hostname
        return (host,) if host else ()
