"""A capture: everything that passes between one case and Claude."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from e2i_eval.claude.miss import Miss, entry_text
from e2i_eval.claude.origin import current_origin
from e2i_eval.claude.prompt import prompt_text
from e2i_eval.claude.recording import Call, Recording
from e2i_eval.claude.script import Script
from e2i_eval.core.exchange import WireNote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from e2i_eval.claude.cassette_session import CassetteSession
    from e2i_eval.claude.script import Use
    from e2i_eval.core.case import Case, ScriptedAnswer
    from e2i_eval.core.clock import Clock
    from e2i_eval.core.exchange import Exchange, ExchangeKind
    from e2i_eval.core.json_value import JsonObject

__all__ = ["Capture"]


class Capture:
    """Records the exchanges of one case and, with a script, answers them.

    The methods below :attr:`notes` and :meth:`script` are called by the wire.

    Attributes:
        case: whose capture it is.
        is_scripted: Claude is scripted; otherwise requests pass through, unless ``cassette_session`` answers them.
        cassette_session: what was recorded of the case, in live mode the answers paid for before; None in mock mode.
        is_open: the case is running.
        variables: what the environment of another process must hold to ask Claude for the case, None for what it must
            not; empty without an endpoint.
    """

    def __init__(
        self, *, case: Case, is_scripted: bool, clock: Clock, cassette_session: CassetteSession | None = None
    ) -> None:
        self.case = case
        self.is_scripted = is_scripted
        self.cassette_session = cassette_session
        self.is_open = True
        self.variables: Mapping[str, str | None] = {}
        self._clock = clock
        self._lock = threading.Lock()
        self._script = Script(case.script)
        self._recordings: list[Recording] = []
        self._notes: list[WireNote] = []
        self._calls = 0

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The exchanges in order of start; those under way are not complete."""
        with self._lock:
            recordings = tuple(self._recordings)
        return tuple(recording.exchange for recording in recordings)

    @property
    def notes(self) -> tuple[WireNote, ...]:
        """What the case must not hide: misses, unknown fields, blocked attempts, and at its end what was left over."""
        with self._lock:
            return tuple(self._notes)

    @property
    def has_open_stream(self) -> bool:
        """Whether the case is reading a stream."""
        with self._lock:
            return any(recording.is_open_stream for recording in self._recordings)

    def script(self, answers: Iterable[ScriptedAnswer]) -> None:
        """Append ``answers`` to what Claude will say."""
        with self._lock:
            self._script.extend(answers)

    def record(self, request: JsonObject, *, kind: ExchangeKind, call: Call | None) -> Recording:
        """Begin to record a request; ``call`` is given for a retry, None for a new call."""
        origin = current_origin()
        with self._lock:
            if call is None:
                call = Call(self._calls)
                self._calls += 1
            recording = Recording(
                index=len(self._recordings), call=call, origin=origin, request=request, kind=kind, clock=self._clock
            )
            call.attempts += 1
            self._recordings.append(recording)
        return recording

    def answer(self, recording: Recording) -> Use | None:
        """Take the scripted answer of a recorded request; None, and a note, when none fits."""
        prompt = prompt_text(recording.request)
        with self._lock:
            use = self._script.take(recording.origin, prompt, previous=recording.call.position)
            if use is not None:
                recording.call.position = use.position
        return use

    def miss(self, recording: Recording) -> str:
        """Note that nothing answers a request, and return the explanation."""
        with self._lock:
            unused = self._script.left_over()
            earlier = tuple(item.exchange for item in self._recordings[: recording.index])
        miss = Miss(where=self.case.where("claude"), exchange=recording.exchange, unused=unused, earlier=earlier)
        message = str(miss)
        self.note(WireNote(kind="miss", message=message, line=miss.line))
        return message

    def seed(self, use: Use) -> str:
        """Return what the ids of an answer are derived from: the same in every run, whoever asked first."""
        return f"{self.case.id}/{use.position}/{use.number}"

    def note(self, note: WireNote) -> None:
        """Remember ``note``."""
        with self._lock:
            self._notes.append(note)

    def close(self) -> None:
        """End the case: responses nobody read to the end are closed, answers left over are noted."""
        with self._lock:
            self.is_open = False
            recordings = tuple(self._recordings)
            left_over = self._script.left_over() if self.is_scripted else ()
        for recording in recordings:
            recording.closed()
        for entry in left_over:
            message = f"{self.case.where('claude')}: nobody asked for {entry_text(entry)}"
            self.note(WireNote(kind="leftover", message=message, line=entry.answer.line))
