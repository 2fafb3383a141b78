"""The evaluator of a live run: keeps results, skips cases that have one, and tries again when the API failed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from e2i_eval.core.evidence import Evidence
from e2i_eval.core.run import Run
from e2i_eval.runner.evaluation import Evaluation
from e2i_eval.runner.outage import is_outage

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.case import Case
    from e2i_eval.core.clock import Clock
    from e2i_eval.runner.live.journal import Journal
    from e2i_eval.runner.repetitions import EvaluatesCases
    from e2i_eval.runner.report import CaseResult

__all__ = ["MAX_ATTEMPTS", "Answers", "Resuming"]

MAX_ATTEMPTS = 3
FIRST_REST_S = 0.5
"""The pause before a case is tried again, doubled each time; what the API asks for comes on top."""


class Answers(Protocol):
    """The answers that were paid for, by case and by run of it."""

    def begin(self, case_id: str, turn: int) -> None:
        """Say which run of a case comes next, from 0."""


class Resuming:
    """Evaluates the cases of a live run.

    Args:
        evaluator: evaluates one case.
        journal: of the run.
        answers: of the run.
        key: equal as long as a case is still the same.
        needs_evidence: whether more is made of a target's cases than their results; such a case is run again, and
            answered from what was paid for.
        clock: waits.
        on_kept: called with the id of a case whose result is kept.
    """

    def __init__(  # noqa: PLR0913  the composition root hands over everything
        self,
        evaluator: EvaluatesCases,
        *,
        journal: Journal,
        answers: Answers,
        key: Callable[[Case], str],
        needs_evidence: Callable[[str], bool],
        clock: Clock,
        on_kept: Callable[[str], None],
    ) -> None:
        self._evaluator = evaluator
        self._journal = journal
        self._answers = answers
        self._key = key
        self._needs_evidence = needs_evidence
        self._clock = clock
        self._on_kept = on_kept

    def evaluate(
        self, case: Case, nodeid: str, *, repeat: int = 0, planned: int = 0, first: CaseResult | None = None
    ) -> Evaluation:
        """Return the result an interrupted run came to, or evaluate the case.

        Raises:
            UsageError: the target cannot be built or its contract cannot be read.
        """
        key = self._key(case)
        kept = None if self._needs_evidence(case.target) else self._journal.kept(key, repeat)
        if kept is not None:
            self._answers.begin(case.id, repeat + 1)
            self._on_kept(case.id)
            return _kept(case, replace(kept, nodeid=nodeid, planned=planned))
        evaluation = self._attempted(
            case, lambda: self._evaluator.evaluate(case, nodeid, repeat=repeat, planned=planned, first=first), repeat
        )
        if not any(note.kind == "budget" for note in evaluation.evidence.notes):  # more money, another result
            self._journal.keep(key, evaluation.result)
        return evaluation

    def _attempted(self, case: Case, evaluate: Callable[[], Evaluation], repeat: int) -> Evaluation:
        """Evaluate a case up to ``MAX_ATTEMPTS`` times; what was answered once is not asked again."""
        for attempt in range(MAX_ATTEMPTS):
            self._answers.begin(case.id, repeat)
            evaluation = evaluate()
            if not is_outage(evaluation.result.verdicts):
                break
            if attempt + 1 < MAX_ATTEMPTS:
                self._clock.sleep(FIRST_REST_S * 2**attempt)
        if not attempt:
            return evaluation
        measured = {**evaluation.result.measurements, "outage_retries": float(attempt)}
        return replace(evaluation, result=replace(evaluation.result, measurements=measured))


def _kept(case: Case, result: CaseResult) -> Evaluation:
    """Return a result without evidence: it belonged to the interrupted run, and is gone with it."""
    nothing = Run(output=None, error=None, started_at_s=0.0, duration_s=0.0)
    evidence = Evidence(case=case, run=nothing, unknown="the result is kept from an interrupted run")
    return Evaluation(result=result, evidence=evidence, is_kept=True)
