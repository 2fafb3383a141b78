"""The cassette store: where the cassettes of a project are, and what becomes of each while its case runs."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from e2i_eval.claude.cassette import CassetteError, Scrub, cassette_path, read_cassette, write_cassette
from e2i_eval.claude.cassette_session import CassetteSession
from e2i_eval.claude.forecast import forecast_usd
from e2i_eval.claude.usage_log import UsageLine
from e2i_eval.core.exchange import WireNote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from e2i_eval.claude.capture import Capture
    from e2i_eval.claude.usage_log import UsageLog
    from e2i_eval.core.case import Case
    from e2i_eval.core.prices import PriceTable

__all__ = ["CassetteStore"]

CUT_SHORT = frozenset({"budget", "miss"})
"""Notes after which a case did not ask for all it would have."""


class CassetteStore:
    """Gives the cassette of a case out and takes it back.

    Args:
        folder: the folder with one sub-folder of cassettes a target.
        prices: what a call costs, to forecast what recording anew takes.
        usage_log: is given what each case used; None when nobody asks.
        secrets: values that must be in no cassette.
        is_paced: answers come at their recorded times.
    """

    def __init__(
        self,
        folder: Path,
        *,
        prices: PriceTable,
        usage_log: UsageLog | None = None,
        secrets: Iterable[str] = (),
        is_paced: bool = False,
    ) -> None:
        self._folder = folder
        self._prices = prices
        self._usage_log = usage_log
        self._scrub = Scrub(secrets)
        self._is_paced = is_paced

    @property
    def prices(self) -> PriceTable:
        """What a call costs."""
        return self._prices

    def cassette_session(self, case: Case, *, takes_down: bool) -> CassetteSession:
        """Return what was recorded of ``case``, ready to be replayed.

        Raises:
            CassetteError: it cannot be read.
        """
        cassette = read_cassette(cassette_path(self._folder, case.id), case.id)
        return CassetteSession(case.id, cassette, scrub=self._scrub, takes_down=takes_down, is_paced=self._is_paced)

    def put_back(self, capture: Capture, cassette_session: CassetteSession, *, is_whole: bool, now_s: float) -> None:
        """Note what was left over, or write what was recorded.

        Args:
            capture: of the case, which is over.
            cassette_session: what the case was answered from.
            is_whole: nothing interrupted the case.
            now_s: seconds since the epoch.
        """
        if cassette_session.takes_down:
            is_whole = is_whole and not any(note.kind in CUT_SHORT for note in capture.notes)
            self._write(
                capture,
                cassette_session,
                is_whole=is_whole,
                today=dt.datetime.fromtimestamp(now_s, dt.UTC).date().isoformat(),
            )
        elif left_over := cassette_session.left_over():
            capture.note(WireNote(kind="leftover", message=left_over, entries=cassette_session.unreached_at))
        if self._usage_log is not None:
            self._usage_log.add(self._line(cassette_session))

    def _write(self, capture: Capture, cassette_session: CassetteSession, *, is_whole: bool, today: str) -> None:
        cassette = cassette_session.recorded_now(today=today, is_whole=is_whole)
        if cassette is None:
            return
        try:
            write_cassette(cassette_path(self._folder, cassette.case_id), cassette, self._scrub)
        except CassetteError as error:
            capture.note(WireNote(kind="cassette", message=str(error)))

    def _line(self, cassette_session: CassetteSession) -> UsageLine:
        before = cassette_session.cassette
        unreached = () if cassette_session.takes_down else cassette_session.unreached
        return UsageLine(
            case_id=cassette_session.case_id,
            recorded=before.recorded if before else "",
            models=before.models if before else (),
            entries=len(before.entries) if before else 0,
            changed=len(cassette_session.changed),
            unreached=len(unreached),
            taken=len(cassette_session.taken),
            usd=forecast_usd(cassette_session.changed, unreached, self._prices),
        )
