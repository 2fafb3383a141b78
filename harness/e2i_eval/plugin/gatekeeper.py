"""The gate in a pytest session: which rules are asked, when they are judged, and what is said of it.

In one process each rule on each target is an item that runs after everything else. Under xdist no worker sees all
results: there the items only take part in the selection, and the controller judges at the end and makes their reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.clock import SystemClock
from e2i_eval.core.decision import ALL_TARGETS, Decision
from e2i_eval.core.json_codec import from_json, to_json
from e2i_eval.gate.baseline import compare
from e2i_eval.gate.rules.decide import decide
from e2i_eval.gate.rules.gate_input import GateInput
from e2i_eval.gate.rules.gate_scope import GateScope
from e2i_eval.gate.rules.rulebook import DEFAULT_RULES, LIVE_DEFAULT_RULES, AppliedRule, RuleBook, parse_rules
from e2i_eval.gate.runs import EXACT_MODES
from e2i_eval.plugin.gate_item import GATE, GateItem, gate_reports
from e2i_eval.plugin.narrowing import narrowing
from e2i_eval.plugin.quarantine_outcome import quarantine_notes
from e2i_eval.plugin.session_items import session_items
from e2i_eval.plugin.subject import subject

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from e2i_eval.gate.baseline import Baseline
    from e2i_eval.gate.rules.quarantine import Quarantine
    from e2i_eval.plugin.controller import Controller
    from e2i_eval.plugin.inconclusive import InconclusiveOutcome
    from e2i_eval.runner.config.settings import Settings

__all__ = ["GateBasis", "Gatekeeper", "rule_book"]

WORKER_SCOPE = "e2i_eval_scope"
FEWEST_CLUSTERS = 7
"""With fewer targets a test over all of them, clustered by target, could never fail at 1 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateBasis:
    """What the gate decides by, read before anything runs.

    Attributes:
        book: the rules.
        baseline: what was accepted; None when there is none.
        quarantine: cases that do not block.
    """

    book: RuleBook
    baseline: Baseline | None
    quarantine: Quarantine


class Gatekeeper:
    """Holds the rules of a session and judges them once."""

    def __init__(
        self, settings: Settings, basis: GateBasis, *, controller: Controller | None, outcome: InconclusiveOutcome
    ) -> None:
        """Take what the gate decides by.

        Args:
            settings: what was asked for.
            basis: rules, baseline and quarantine.
            controller: the owner of the session; None in an xdist worker and in a session that only lists.
            outcome: counts what could not be decided.
        """
        self._settings = settings
        self._controller = controller
        self._outcome = outcome
        self._book = basis.book
        self._baseline = basis.baseline
        self._quarantine = basis.quarantine
        self._scope = GateScope()
        self._is_distributed = False
        self._decisions: dict[str, Decision] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None, object, object]:
        """Add the gate's items before anything is deselected, and put them last afterwards."""
        collected = [item for item in items if subject(item)]
        narrowed = ", ".join(flag for flag in narrowing(config, self._settings) if not _is_selecting(flag))
        gate = self._collect(session, self._plan(collected, is_whole=not narrowed))
        items += gate
        result = yield
        chosen = [item for item in items if isinstance(item, GateItem)]
        items[:] = [item for item in items if not isinstance(item, GateItem)]
        self._scope = _scope(collected, items, narrowed, chosen=chosen, offered=len(gate))
        if hasattr(config, "workeroutput"):
            config.workeroutput[WORKER_SCOPE] = to_json(self._scope)
        else:
            items += chosen
        return result

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self) -> None:
        """Take note that xdist's workers run the items."""
        self._is_distributed = True

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Take in what a worker was to run; all of them say the same, if they live to say it."""
        if sent := getattr(node, "workeroutput", {}).get(WORKER_SCOPE):
            self._scope = from_json(GateScope, sent)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Under xdist judge when all workers have ended, in time for every reporter to see it."""
        result = yield
        if self._controller and self._is_distributed:
            chosen = self._chosen()
            session.testscollected += len(chosen)
            _begin_line(session.config)
            for judgement in chosen:
                self._report(session.config, judgement)
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Hand over what a reader of the report should know about the gate."""
        if self._controller:
            self._controller.note(*self._notes())

    def decision(self, judgement: AppliedRule) -> Decision:
        """Return the decision on one rule and target; the first call judges all that were selected."""
        if not self._decisions:
            chosen = self._chosen()
            decided = self._decided(chosen)
            self._decisions = {each.name: decision for each, decision in zip(chosen, decided, strict=True)}
            self._keep()
        return self._decisions[judgement.name]

    def _plan(self, collected: Sequence[pytest.Item], *, is_whole: bool) -> tuple[AppliedRule, ...]:
        """Return every rule with every target it is to be applied to.

        A whole run also answers for targets that it has no item of: their case files may be gone.
        """
        present = [found.target for found in map(subject, collected) if found]
        known = (*self._settings.targets, *self._accepted_targets()) if is_whole else ()
        targets = [each for each in dict.fromkeys((*present, *known)) if self._settings.is_chosen(each)]
        together = (ALL_TARGETS,) if self._is_judged_together(targets) else ()
        return tuple(
            judgement
            for judgement in self._book.applied((*targets, *together))
            if judgement.target in targets or _is_rate_change(judgement)
        )

    def _is_judged_together(self, targets: Sequence[str]) -> bool:
        is_exact = self._settings.claude in EXACT_MODES
        return not is_exact and len(targets) >= FEWEST_CLUSTERS and ALL_TARGETS not in targets

    def _accepted_targets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(case.target for case in self._baseline.cases.values())) if self._baseline else ()

    def _collect(self, session: pytest.Session, judgements: Sequence[AppliedRule]) -> list[pytest.Item]:
        """Collect an item for each rule on each target."""
        if not judgements:
            return []
        return session_items(
            session,
            GATE,
            lambda parent: [
                GateItem.from_parent(parent, name=each.name, judgement=each, decide=self.decision)
                for each in judgements
            ],
        )

    def _chosen(self) -> tuple[AppliedRule, ...]:
        """Return what was selected; when no worker lived to say what that was, everything."""
        targets = dict.fromkeys((*self._settings.targets, *self._accepted_targets(), ALL_TARGETS))
        every = self._book.applied(filter(self._is_known, targets))
        if self._is_distributed and self._scope == GateScope():
            return tuple(each for each in every if each.target != ALL_TARGETS)
        return tuple(each for each in every if each.name in self._scope.rules)

    def _is_known(self, target: str) -> bool:
        return target == ALL_TARGETS or self._settings.is_chosen(target)

    def _decided(self, judgements: Sequence[AppliedRule]) -> tuple[Decision, ...]:
        assert self._controller is not None  # noqa: S101  items run in the process that owns the session
        try:
            self._controller.settle_judges()
            report = self._controller.so_far()
            diff = compare(self._baseline, report) if self._baseline else None
            gate_input = GateInput(
                report=report,
                diff=diff,
                no_baseline=self._no_baseline(),
                scope=self._scope,
                quarantined=self._quarantine.active,
            )
            return decide(judgements, gate_input)
        except Exception as error:  # noqa: BLE001  a gate that breaks must not open, and the report must say so
            return tuple(_broken(each, error) for each in judgements)

    def _no_baseline(self) -> str:
        if self._settings.baseline == "none":
            return "there is nothing to compare with: --e2i-baseline=none"
        return f"there is no baseline {self._settings.golden.name}/baselines/main.json to compare with"

    def _keep(self) -> None:
        assert self._controller is not None  # noqa: S101  see above
        self._controller.judged(tuple(self._decisions.values()))

    def _report(self, config: pytest.Config, judgement: AppliedRule) -> None:
        """Tell every plugin of a judgement as if its item had run here."""
        reports = gate_reports(
            judgement, self.decision(judgement), means=self._settings.inconclusive, time_s=SystemClock().time_s()
        )
        place = {"nodeid": reports[0].nodeid, "location": reports[0].location}
        config.hook.pytest_runtest_logstart(**place)
        for report in reports:
            config.hook.pytest_runtest_logreport(report=report)
        config.hook.pytest_runtest_logfinish(**place)

    def _notes(self) -> Iterable[str]:
        for rule in self._book.switched_off:
            whose = rule.target or "any target"
            yield f"the gate does not judge {rule.metric.name} of {whose}: {rule.text} in {rule.where}"
        if self._scope.dropped:
            yield f"{self._scope.dropped} gate rules were deselected: nothing was judged by them"
        unjudged = len(self._scope.rules) - len(self._decisions)
        if unjudged > 0:
            yield f"{unjudged} gate rules were not judged: the session ended before them"
        if self._baseline is None and self._settings.baseline != "none":
            fix = 'e2i-eval baseline accept latest --reason "..." makes one'
            yield f"no baseline, so nothing is compared with an accepted run; {fix}"
        if self._outcome.sentence:
            yield self._outcome.sentence
        if self._controller:
            yield from quarantine_notes(self._quarantine, self._controller.so_far())


def rule_book(settings: Settings, *, has_baseline: bool) -> RuleBook:
    """Return the rules of a session: the defaults that a baseline brings, the file's, the command line's.

    Raises:
        UsageError: one of them is no rule.
    """
    defaults = DEFAULT_RULES if settings.claude in EXACT_MODES else LIVE_DEFAULT_RULES
    targets = settings.targets
    own = {name: (each.where, each.gate) for name, each in targets.items() if each.gate}
    return RuleBook(
        levels=(
            parse_rules(defaults if has_baseline else (), where="the defaults", targets=targets),
            parse_rules(settings.gate, where=settings.gate_where, targets=targets, own=own),
            parse_rules(settings.gate_flags, where="--e2i-gate", targets=targets),
        )
    )


def _begin_line(config: pytest.Config) -> None:
    """Keep the gate's progress out of the line that said 100 % of the workers' items."""
    if terminal := config.pluginmanager.get_plugin("terminalreporter"):
        terminal.ensure_newline()


def _is_selecting(flag: str) -> bool:
    """Tell whether a flag leaves out items that were collected; what it leaves out is known item by item."""
    return flag.startswith(("-k ", "-m ", "--deselect=", "--stepwise", "--e2i-target="))


def _is_rate_change(judgement: AppliedRule) -> bool:
    return judgement.rule.form == "change" and judgement.rule.metric.is_bounded


def _scope(
    collected: Sequence[pytest.Item],
    selected: Sequence[pytest.Item],
    narrowed: str,
    *,
    chosen: Sequence[GateItem],
    offered: int,
) -> GateScope:
    kept = set(selected)
    left_out: dict[str, int] = {}
    expected: list[str] = []
    for item in collected:
        if not (found := subject(item)):
            continue
        if item not in kept:
            left_out[found.target] = left_out.get(found.target, 0) + 1
        elif found.case_id:
            expected.append(found.case_id)
    return GateScope(
        expected=tuple(expected),
        left_out=left_out,
        narrowed=narrowed,
        rules=tuple(item.judgement.name for item in chosen),
        dropped=offered - len(chosen),
    )


def _broken(judgement: AppliedRule, error: Exception) -> Decision:
    return Decision(
        rule=judgement.rule.text,
        target=judgement.target,
        metric=judgement.rule.metric.name,
        status="fail",
        reason=f"the gate itself broke, which is never a pass: {type(error).__name__}: {error}",
        fix="report it with the file .e2i/report.json",
    )
