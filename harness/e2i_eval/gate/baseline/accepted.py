"""A baseline: what an accepted run did, case by case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.core.behaviour import Behaviour
    from e2i_eval.runner.report import CaseStatus

__all__ = ["Acceptance", "Baseline", "BaselineCase"]


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
class BaselineCase:
    """What one case did.

    Attributes:
        target: its target.
        status: the worst of its repetitions.
        pass_rate: share of its repetitions that passed, 0 to 1.
        repeats: how many there were.
        measured: the measurements of ``EXACT`` that were known; means over repetitions.
        behaviour: what the target did, in the first repetition; None when it could not be observed.
        unstable: what was not the same in all repetitions (metrics of ``EXACT``, ``behaviour``).
    """

    target: str
    status: CaseStatus
    pass_rate: float
    repeats: int
    measured: Mapping[str, float] = field(default_factory=dict)
    behaviour: Behaviour | None = None
    unstable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """An accepted run.

    Attributes:
        name: the file's name without its suffix.
        acceptance: how it became the baseline.
        claude: who answered for Claude: ``mock``, ``replay`` or ``live``.
        prices: the day of the price table; empty when unknown.
        environment: versions and machine.
        cases: by id.
    """

    name: str
    acceptance: Acceptance
    claude: str
    prices: str
    environment: Mapping[str, str]
    cases: Mapping[str, BaselineCase]
