"""How a live run is composed: its journal in the controller, and what its workers keep in it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.claude import AnswerJournal, Scrub, SessionBudget
from e2i_eval.runner.config.options import secrets
from e2i_eval.runner.live import Journal, KeptList, Resuming, case_key, code_state
from e2i_eval.runner.outage import is_outage
from e2i_eval.runner.session import environment

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from e2i_eval.core.case import Case
    from e2i_eval.core.clock import Clock
    from e2i_eval.core.prices import PriceTable
    from e2i_eval.runner.config.settings import Settings
    from e2i_eval.runner.evaluation import Evaluator, SessionRef
    from e2i_eval.runner.report import CaseResult

__all__ = ["LivePart", "LiveRun"]

ADDRESS_VARIABLE = "ANTHROPIC_BASE_URL"
VERSIONS = "version."


class LiveRun:
    """The controller's side: begins or resumes it, says so, and cleans up when the run is complete."""

    def __init__(
        self, settings: Settings, *, prices: PriceTable, environ: MutableMapping[str, str], clock: Clock
    ) -> None:
        """Open the journal.

        Raises:
            UsageError: another run uses it, or it cannot be written.
        """
        self._settings = settings
        self._journal = Journal(settings.report / "live")
        basis = _basis(settings, environ.get(ADDRESS_VARIABLE, ""))
        self._opened = self._journal.open(basis=basis, now_s=clock.time_s(), is_fresh=settings.is_fresh)
        self._spent_usd = _answers(settings, self._journal, environ).spent_usd(prices)
        if settings.max_cost_usd is not None:
            budget = SessionBudget(settings.max_cost_usd, folder=self._journal.folder, prices=prices)
            budget.resume(at_least_usd=self._spent_usd)
            self._spent_usd = budget.spent_usd

    @property
    def folder(self) -> Path:
        """The journal's folder."""
        return self._journal.folder

    def header(self) -> list[str]:
        """Return the line that says which run is resumed, or why none is."""
        if self._opened.reason:
            return [f"e2i-eval: the interrupted run is not resumed: {self._opened.reason}"]
        if not self._opened.began:
            return []
        kept = f"{self._opened.results} results kept, {self._spent_usd:.2f} USD already spent"
        return [f"e2i-eval: resuming the run of {self._opened.began}: {kept}; --e2i-fresh starts anew"]

    def finish(self, cases: Sequence[CaseResult], *, scratch: Path, is_partial: bool, is_narrowed: bool) -> list[str]:
        """End the run, and return what a reader should know.

        Args:
            cases: all results.
            scratch: the session's folder.
            is_partial: not everything that was asked for has a result.
            is_narrowed: not everything there is was asked for.
        """
        ids = {case.case_id for case in cases}
        notes = self._resumed(ids, KeptList(scratch).cases())
        outages = sorted({case.case_id for case in cases if is_outage(case.verdicts)})
        if outages:
            notes.append(f"the API failed in {len(outages)} cases: the same command runs what is missing alone")
        elif is_partial:
            notes.append("the run is not complete: what is paid for is kept, the same command runs what is missing")
        elif not (is_narrowed and self._opened.began):  # a narrowed run leaves the rest of the interrupted one
            self._journal.remove()
        return notes

    def close(self) -> None:
        """Release the journal; may be called twice."""
        self._journal.close()

    def _resumed(self, ids: set[str], kept: frozenset[str]) -> list[str]:
        if not self._opened.began:
            return []
        cases = f"{len(kept)} of {len(ids)} cases kept from the run of {self._opened.began}"
        return [f"resumed: {cases}, {self._spent_usd:.2f} USD already spent; --e2i-fresh starts anew"]


class LivePart:
    """A worker's side: what the wire and the evaluator keep in the journal."""

    def __init__(self, settings: Settings, ref: SessionRef, environ: MutableMapping[str, str]) -> None:
        scrub = Scrub(secrets(environ))
        self._settings = settings
        self._scratch = Path(ref.scratch)
        self._journal = Journal(Path(ref.live), clean=scrub.request)
        self._journal.join()
        self.answers = _answers(settings, self._journal, environ)

    def resuming(self, evaluator: Evaluator, clock: Clock) -> Resuming:
        """Return what evaluates the cases of the run."""
        return Resuming(
            evaluator,
            journal=self._journal,
            answers=self.answers,
            key=lambda case: _key(self._settings, case),
            needs_evidence=self._needs_evidence,
            clock=clock,
            on_kept=KeptList(self._scratch).add,
        )

    def _needs_evidence(self, target: str) -> bool:
        """Tell whether checks start from the target's cases, or judges are asked about them when the session ends."""
        return self._settings.targets[target].families is not None or self._settings.is_judged_in_batch

    def close(self) -> None:
        """Release the journal; may be called twice."""
        self._journal.close()


def _answers(settings: Settings, journal: Journal, environ: MutableMapping[str, str]) -> AnswerJournal:
    scrub = Scrub(secrets(environ))
    return AnswerJournal(journal.answers, scrub=scrub, key=lambda case: _key(settings, case))


def _key(settings: Settings, case: Case) -> str:
    return case_key(case, settings.targets.get(case.target))


def _basis(settings: Settings, address: str) -> str:
    """Return a digest of what decides every result: the code, the versions of libraries, and whom it asks."""
    written = [settings.report, settings.cases, *([settings.store] if settings.store else [])]
    versions = sorted(f"{name}={value}" for name, value in environment().items() if name.startswith(VERSIONS))
    parts = [code_state(settings.root, without=written), address, *versions]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()
