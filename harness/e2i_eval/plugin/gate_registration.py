"""Brings the gate into a session: reads what it decides by, and registers what decides."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from e2i_eval.core.clock import SystemClock
from e2i_eval.core.errors import UsageError
from e2i_eval.dataset.case_file.files import case_files, case_id_of
from e2i_eval.gate.baseline.storage import MAIN, baseline_file, read_baseline
from e2i_eval.gate.rules.quarantine import QUARANTINE_FILE, Quarantine, parse_quarantine
from e2i_eval.plugin.gatekeeper import GateBasis, Gatekeeper, rule_book
from e2i_eval.plugin.inconclusive import InconclusiveOutcome
from e2i_eval.runner.families.plan_book import PlanBook

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from e2i_eval.gate.baseline import Baseline
    from e2i_eval.plugin.controller import Controller
    from e2i_eval.runner.config.settings import Settings

__all__ = ["read_gate_basis", "register_gate"]

NO_BASELINE = "none"


def read_gate_basis(settings: Settings) -> GateBasis:
    """Read rules, baseline and quarantine: at the door, before anything is started.

    Raises:
        UsageError: one of them is wrong; the message says which and what to type.
    """
    baseline = _baseline(settings)
    return GateBasis(
        book=rule_book(settings, has_baseline=baseline is not None),
        baseline=baseline,
        quarantine=_quarantine(settings),
    )


def register_gate(config: pytest.Config, settings: Settings, basis: GateBasis, controller: Controller | None) -> None:
    """Register the gate and the outcome of inconclusive items, and give the controller the quarantine.

    Args:
        config: pytest's.
        settings: what was asked for.
        basis: what the gate decides by.
        controller: the owner of the session; None in an xdist worker and in a session that only lists.
    """
    if controller:
        controller.quarantined = {case.case_id: case.text for case in basis.quarantine.active_cases}
    outcome = InconclusiveOutcome(settings.inconclusive)
    gatekeeper = Gatekeeper(settings, basis, controller=controller, outcome=outcome)
    config.pluginmanager.register(outcome, "e2i_eval_inconclusive")
    config.pluginmanager.register(gatekeeper, "e2i_eval_gate")


def _baseline(settings: Settings) -> Baseline | None:
    """Read the baseline; the default one may be missing, one that was named may not."""
    if settings.baseline == NO_BASELINE:
        return None
    if settings.baseline is None and not baseline_file(settings.golden, MAIN).exists():
        return None
    return read_baseline(settings.golden, settings.baseline or MAIN)


def _quarantine(settings: Settings) -> Quarantine:
    today = dt.datetime.fromtimestamp(SystemClock().time_s(), tz=dt.UTC).date()
    file = settings.golden / QUARANTINE_FILE
    if not file.exists():
        return Quarantine(today=today)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = f"the quarantine cannot be read: {error}"
        raise UsageError(what, where=str(file)) from error
    where = str(file.relative_to(settings.root)) if file.is_relative_to(settings.root) else str(file)
    case_ids = [case_id_of(file, settings.cases) for file in case_files(settings.cases)]
    return parse_quarantine(text, where=where, today=today, known=(*case_ids, *_check_ids(settings)))


def _check_ids(settings: Settings) -> Iterator[str]:
    """Yield the ids of the families' checks, those of targets included that were not chosen this time.

    Raises:
        UsageError: a families file is wrong, so nobody knows what it declares.
    """
    book = PlanBook(replace(settings, only=()))
    for target in settings.targets:
        if plan := book.plan(target):
            yield from (check.id for check in plan.checks)
