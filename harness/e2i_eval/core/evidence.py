"""Evidence: case, output, exchanges and traces; the sole input of every check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.core.case import Case
    from e2i_eval.core.exchange import Exchange, WireNote
    from e2i_eval.core.run import Run
    from e2i_eval.core.trace import Logged, Trace

__all__ = ["Evidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of one evaluated case.

    Attributes:
        case: what was asked and expected.
        run: what the target gave back.
        exchanges: every request to Claude, in order of start.
        notes: misses, leftovers, unknown fields.
        traces: what the server kept for this case; None when it could not be asked.
        logged: the case's run on the server; None when it could not be asked.
        unknown: why ``traces`` or ``logged`` is None; empty otherwise.
        secrets: values that must occur nowhere in what was logged (never shown in a finding).
    """

    case: Case
    run: Run
    exchanges: tuple[Exchange, ...] = ()
    notes: tuple[WireNote, ...] = ()
    traces: tuple[Trace, ...] | None = None
    logged: Logged | None = None
    unknown: str = ""
    secrets: tuple[str, ...] = ()
