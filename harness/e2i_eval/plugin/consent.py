"""Consent: before ``record`` spends anything, somebody at the terminal says yes, or a flag has said how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.claude import plan_of
from e2i_eval.core.errors import E2iError, UsageError
from e2i_eval.plugin.case_item import CaseItem
from e2i_eval.plugin.terminal_question import asked, has_terminal, released_terminal
from e2i_eval.runner.config.options import ci_variable, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.claude import Forecast, RecordingPlan
    from e2i_eval.plugin.state import SessionState
    from e2i_eval.plugin.worker import Worker
    from e2i_eval.runner.config.settings import Settings

__all__ = ["Consent", "refuse_recording_in_ci", "register_consent"]

YES = frozenset({"y", "yes"})
DECLINED = "nothing was sent: the answer was no"


def refuse_recording_in_ci(settings: Settings) -> None:
    """Refuse to record where nobody can be asked and every push would pay, unless a flag says how much.

    Raises:
        UsageError: this is CI; the message names the variable that says so.
    """
    if settings.claude != "record" or settings.max_cost_usd is not None:
        return
    if variable := ci_variable(environment()):
        what = f"--e2i-claude=record spends money, and the variable {variable} says that this is CI"
        fix = "say what it may cost with --e2i-max-cost=USD, or play what was recorded with --e2i-claude=replay"
        raise UsageError(what, fix=fix)


def register_consent(config: pytest.Config, state: SessionState) -> None:
    """Register the question, where there is something to ask and a single process."""
    settings = state.settings
    is_distributed = config.getoption("dist", default="no") != "no"
    if settings.claude != "record" or settings.max_cost_usd is not None or is_distributed:
        return
    if state.controller is not None:
        config.pluginmanager.register(Consent(config, state), "e2i_eval_consent")


class Consent:
    """Rehearses the chosen cases with nothing being sent, and asks whether to pay for what they lack."""

    def __init__(self, config: pytest.Config, state: SessionState) -> None:
        self._config = config
        self._state = state

    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Ask, before the first case runs; without a terminal nobody is asked and nothing is sent."""
        if session.testsfailed or not has_terminal(self._config):
            return
        worker = self._state.worker
        plan = plan_of(_forecasts(session, worker))
        if not plan.is_needed:
            return
        if plan.unpriced:
            self._say(f"e2i-eval: the price of {plan.unpriced} cases is not known, so nobody can be asked to pay it")
            return
        if not self._is_wanted(plan, others=sum(not isinstance(item, CaseItem) for item in session.items)):
            pytest.exit(DECLINED)
        worker.claude.allow(plan.most_usd)
        if self._state.controller is not None:
            self._state.controller.allowed_usd = plan.most_usd

    def _is_wanted(self, plan: RecordingPlan, *, others: int) -> bool:
        more = f" ({others} other items may ask more: it counts too)" if others else ""
        with released_terminal(self._config):
            self._say(f"e2i-eval: {plan}{more}", newline=False)
            return (asked("; record? [y/N] ") or "").strip().lower() in YES

    def _say(self, text: str, *, newline: bool = True) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write(text + ("\n" if newline else ""), flush=True)


def _forecasts(session: pytest.Session, worker: Worker) -> Iterator[Forecast]:
    for item in session.items:
        if isinstance(item, CaseItem):
            try:
                with worker.claude.rehearsal(item.case) as forecast:
                    worker.evaluator().rehearse(item.case, item.nodeid)
                yield forecast()
            except E2iError:  # the case fails with it when it runs, and until then it costs nothing
                continue
