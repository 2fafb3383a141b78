"""A baseline: what an accepted run did, case by case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.gate.runs import Run, run_of

if TYPE_CHECKING:
    from e2i_eval.runner.report import Report

__all__ = ["Acceptance", "Baseline", "baseline_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """How a run became the baseline.

    Attributes:
        at: when, as ISO 8601 in UTC.
        reason: why, in the words of who accepted it.
        session: id of the session.
        run_id: the session's run on the tracking server; empty when there was none.
        commit: the project's commit at the time of the run; empty outside a repository.
        is_dirty: there were uncommitted changes then.
    """

    at: str
    reason: str
    session: str
    run_id: str = ""
    commit: str = ""
    is_dirty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline(Run):
    """An accepted run.

    Attributes:
        name: the file's name without its suffix.
        acceptance: how it became the baseline.
    """

    name: str
    acceptance: Acceptance


def baseline_of(report: Report, *, name: str, reason: str, at: str) -> Baseline:
    """Return the baseline that ``report`` would be.

    Args:
        report: the run.
        name: the baseline's name.
        reason: why it is accepted.
        at: when, as ISO 8601 in UTC.
    """
    run, session, git = run_of(report), report.session, report.session.get("git", {})
    return Baseline(
        name=name,
        acceptance=Acceptance(
            at=at,
            reason=reason,
            session=str(session.get("id", "")),
            run_id=str(session.get("run_id", "")),
            commit=str(git.get("commit", "")),
            is_dirty=git.get("dirty") == "true",
        ),
        mode=run.mode,
        prices=run.prices,
        environment=run.environment,
        cases=run.cases,
    )
