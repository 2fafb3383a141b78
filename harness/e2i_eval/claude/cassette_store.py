"""The shelf: where the cassettes of a project are, and what becomes of each while its case runs."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from e2i_eval.claude.cassette import CassetteError, Scrub, cassette_path, read_cassette, write_cassette
from e2i_eval.claude.cassette_session import Reel
from e2i_eval.claude.forecast import forecast_usd
from e2i_eval.claude.usage_log import LedgerLine
from e2i_eval.core.exchange import WireNote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from e2i_eval.claude.capture import Tape
    from e2i_eval.claude.usage_log import Ledger
    from e2i_eval.core.case import Case
    from e2i_eval.core.prices import PriceTable

__all__ = ["Shelf"]

CUT_SHORT = frozenset({"budget", "miss"})
"""Notes after which a case did not ask for all it would have."""


class Shelf:
    """Gives the cassette of a case out and takes it back.

    Args:
        folder: the folder with one sub-folder of cassettes a target.
        prices: what a call costs, to foretell what it takes to record anew.
        ledger: is told how each case got on; None when nobody asks.
        secrets: values that must be in no cassette.
        is_paced: answers come at their recorded times.
    """

    def __init__(
        self,
        folder: Path,
        *,
        prices: PriceTable,
        ledger: Ledger | None = None,
        secrets: Iterable[str] = (),
        is_paced: bool = False,
    ) -> None:
        self._folder = folder
        self._prices = prices
        self._ledger = ledger
        self._scrub = Scrub(secrets)
        self._is_paced = is_paced

    @property
    def prices(self) -> PriceTable:
        """What a call costs."""
        return self._prices

    def reel(self, case: Case, *, takes_down: bool) -> Reel:
        """Return what was recorded of ``case``, ready to be played.

        Raises:
            CassetteError: it cannot be read.
        """
        cassette = read_cassette(cassette_path(self._folder, case.id), case.id)
        return Reel(case.id, cassette, scrub=self._scrub, takes_down=takes_down, is_paced=self._is_paced)

    def put_back(self, tape: Tape, reel: Reel, *, is_whole: bool, now_s: float) -> None:
        """Note what was left over, or write what was taken down.

        Args:
            tape: of the case, which is over.
            reel: what the case was answered from.
            is_whole: nothing interrupted the case.
            now_s: seconds since the epoch.
        """
        if reel.takes_down:
            is_whole = is_whole and not any(note.kind in CUT_SHORT for note in tape.notes)
            self._write(
                tape, reel, is_whole=is_whole, today=dt.datetime.fromtimestamp(now_s, dt.UTC).date().isoformat()
            )
        elif left_over := reel.left_over():
            tape.note(WireNote(kind="leftover", message=left_over, entries=reel.unreached_at))
        if self._ledger is not None:
            self._ledger.add(self._line(reel))

    def _write(self, tape: Tape, reel: Reel, *, is_whole: bool, today: str) -> None:
        cassette = reel.recorded_now(today=today, is_whole=is_whole)
        if cassette is None:
            return
        try:
            write_cassette(cassette_path(self._folder, cassette.case_id), cassette, self._scrub)
        except CassetteError as error:
            tape.note(WireNote(kind="cassette", message=str(error)))

    def _line(self, reel: Reel) -> LedgerLine:
        before = reel.cassette
        unreached = () if reel.takes_down else reel.unreached
        return LedgerLine(
            case_id=reel.case_id,
            recorded=before.recorded if before else "",
            models=before.models if before else (),
            entries=len(before.entries) if before else 0,
            changed=len(reel.changed),
            unreached=len(unreached),
            taken=len(reel.taken),
            usd=forecast_usd(reel.changed, unreached, self._prices),
        )
