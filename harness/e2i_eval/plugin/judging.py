"""What the judges of a session are made of: in each process that runs cases, and at the end in the one that owns it."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

from e2i_eval.checks.judges.basis import basis_of
from e2i_eval.checks.judges.uncalibrated import doubt_about, doubt_notes
from e2i_eval.checks.judges.verdicts import judge_notes
from e2i_eval.claude import SessionBudget
from e2i_eval.core.prices import PriceTable
from e2i_eval.dataset.case_file.judges_file import read_judges
from e2i_eval.dataset.label_files import read_calibrations
from e2i_eval.runner.judging import BatchResults, JudgeRunner, Pending
from e2i_eval.tracking.scorers import score

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from e2i_eval.checks.judges.calibration import Calibration
    from e2i_eval.claude import Asking, ClaudeWire
    from e2i_eval.claude.batch_answer import BatchAnswer
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.judge_rule import JudgeRule
    from e2i_eval.runner.config.settings import Settings
    from e2i_eval.runner.judging import BatchResult
    from e2i_eval.runner.report import CaseResult, Report
    from e2i_eval.tracking import TrackingClient

__all__ = ["LateJudges", "judge_runner", "report_notes"]

BATCHES_FILE = "judge-batches.json"
"""In the report's folder: batches that were sent and not read yet, so that an interrupted session finds them again."""


def judge_runner(settings: Settings, scratch: Path, wire: ClaudeWire, asking: Asking) -> JudgeRunner:
    """Return what asks the judges of the cases that run in this process.

    Args:
        settings: what was asked for.
        scratch: folder that the session's processes share.
        wire: to Claude.
        asking: sends a judge's request over it.
    """

    @cache
    def shared(target: str) -> Mapping[str, JudgeRule]:
        file = settings.targets[target].judges
        return read_judges(file) if file else {}

    @cache
    def calibrations() -> Mapping[str, Calibration | None]:
        return read_calibrations(settings.golden)

    def doubt(rule: JudgeRule, model: str) -> str:
        known = calibrations()
        return doubt_about(known[rule.name], model=model, basis=basis_of(rule)) if rule.name in known else ""

    return JudgeRunner(
        claude=wire,
        ask=asking,
        scorer=score,
        price=PriceTable.load(settings.prices).cost_usd,
        model=settings.judge_model,
        is_mocked=settings.claude == "mock",
        shared=shared,
        doubt=doubt,
        pending=Pending(scratch) if settings.is_judged_in_batch else None,
    )


def report_notes(report: Report) -> Iterable[str]:
    """Yield what a reader of the report should know about its judges."""
    yield from judge_notes(each for case in report.cases for each in case.judgements)
    yield from doubt_notes(verdict for case in report.cases for verdict in case.verdicts)


class LateJudges:
    """The judges of a session that are asked in one batch at its end.

    Attributes:
        settled: the cases they judged.
    """

    def __init__(self, settings: Settings, scratch: Path) -> None:
        self._settings = settings
        self._scratch = scratch
        self.settled: list[BatchResult] = []

    def settle(self, results: Iterable[CaseResult]) -> tuple[BatchResult, ...]:
        """Ask what waits, and return the cases judged; nothing waits unless batches were asked for."""
        if not self._settings.is_judged_in_batch:
            return ()
        questions = Pending(self._scratch).take()
        if not questions:
            return ()
        prices = PriceTable.load(self._settings.prices).batched()
        settled = BatchResults(post=self._post, scorer=score, price=prices.cost_usd).settle(questions, results)
        self.settled += settled
        return settled

    def record(self, tracking: TrackingClient) -> None:
        """Write the judgements where the cases' own verdicts are."""
        for each in self.settled:
            tracking.record_judgements(
                each.after.run_id,
                passed=each.after.status == "pass",
                verdicts=each.verdicts,
                measurements={name: value for name, value in each.after.measurements.items() if "judge." in name},
                traces=each.after.trace_ids,
            )

    @property
    def problems(self) -> tuple[str, ...]:
        """What the late verdicts found wrong, a sentence each: the cases' own items had ended before."""
        return tuple(
            f"{each.after.case_id}: {verdict.check} fails: {verdict.reason}"
            for each in self.settled
            for verdict in each.verdicts
            if verdict.status == "fail" and not each.after.quarantine
        )

    @property
    def is_undecided(self) -> bool:
        """Whether a judge broke."""
        return any(verdict.status == "error" for each in self.settled for verdict in each.verdicts)

    def _post(self, requests: Mapping[str, JsonObject]) -> Mapping[str, BatchAnswer]:
        from e2i_eval.claude.batch import BatchPost, SentBatches  # noqa: PLC0415  loads anthropic

        settings = self._settings
        prices = PriceTable.load(settings.prices).batched()
        budget = None
        if settings.max_cost_usd is not None:
            budget = SessionBudget(
                settings.max_cost_usd, folder=settings.report / "live", prices=prices
            )  # batches are live
        post = BatchPost(
            SentBatches(settings.report / BATCHES_FILE), budget=budget, sleep=time.sleep, elapsed_s=time.monotonic
        )
        return post(requests)
