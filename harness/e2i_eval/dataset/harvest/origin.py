"""The origin of a harvested case: the stored trace it was made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from e2i_eval.core.trace import Trace

__all__ = ["CaseOrigin", "origin_of", "without_password"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOrigin:
    """Where a case comes from.

    Attributes:
        trace: the server's id of the trace.
        experiment: id of the experiment it is stored in.
        at: when the call began, ISO 8601 in UTC.
        tracking_uri: the server, without name and password.
    """

    trace: str
    experiment: str
    at: str
    tracking_uri: str


def origin_of(trace: Trace, tracking_uri: str) -> CaseOrigin:
    """Return the origin of a case made of ``trace``."""
    at = datetime.fromtimestamp(trace.started_at_s, UTC).isoformat(timespec="milliseconds")
    return CaseOrigin(
        trace=trace.trace_id,
        experiment=trace.experiment_id,
        at=at.replace("+00:00", "Z"),
        tracking_uri=without_password(tracking_uri),
    )


def without_password(uri: str) -> str:
    """Return an address without the name and the password that may stand in it."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
