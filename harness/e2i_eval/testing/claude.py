"""A wire that returns exchanges given in advance."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from e2i_eval.core.case import Case, ScriptedAnswer
    from e2i_eval.core.exchange import Exchange, WireNote

__all__ = ["ScriptedCapture", "ScriptedClaude"]


@dataclass(slots=True, kw_only=True)
class ScriptedCapture:
    """What a case is said to have sent and received."""

    exchanges: tuple[Exchange, ...] = ()
    notes: tuple[WireNote, ...] = ()
    scripted: list[ScriptedAnswer] = field(default_factory=list)

    def script(self, answers: Iterable[ScriptedAnswer]) -> None:
        """Keep the answers for the test to look at."""
        self.scripted.extend(answers)


class ScriptedClaude:
    """Fits the ``Claude`` port; every case's capture holds the same exchanges."""

    def __init__(self, *, exchanges: tuple[Exchange, ...] = (), notes: tuple[WireNote, ...] = ()) -> None:
        self._exchanges = exchanges
        self._notes = notes
        self.is_started = False

    def start(self) -> None:
        """Note that the wire was taken over."""
        self.is_started = True

    def stop(self) -> None:
        """Note that the wire was given back."""
        self.is_started = False

    @contextmanager
    def capture(self, case: Case) -> Iterator[ScriptedCapture]:
        """Hand out the exchanges given in advance."""
        capture = ScriptedCapture(exchanges=self._exchanges, notes=self._notes)
        capture.script(case.script)
        yield capture
