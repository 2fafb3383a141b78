"""The golden files in a pytest session: what each case would change, collected by the process that owns the session.

Workers only propose. The controller shows, asks and writes, once, after the report.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.errors import UsageError
from e2i_eval.core.json_codec import from_json, to_json
from e2i_eval.core.prices import PriceTable
from e2i_eval.dataset.case_file.files import CASE_SUFFIXES
from e2i_eval.dataset.case_file.yaml_document import parse_yaml
from e2i_eval.dataset.update.plan import digest_of
from e2i_eval.dataset.update.proposal import Proposal, Remark
from e2i_eval.dataset.update.proposing import ObservedRepetition, ReadFile, propose
from e2i_eval.plugin.golden_writer import GoldenWriter, recovered
from e2i_eval.plugin.terminal_question import has_terminal
from e2i_eval.runner.config.options import ci_variable, environment

if TYPE_CHECKING:
    from pathlib import Path

    from e2i_eval.dataset.update.change import ChangeKind
    from e2i_eval.plugin.case_item import CaseItem
    from e2i_eval.plugin.state import SessionState
    from e2i_eval.runner.config.settings import GoldenMode, Settings
    from e2i_eval.runner.evaluation import Evaluation as Evaluated

__all__ = ["GoldenLifecycle", "prepare_golden", "register_golden"]

REPORTED = "e2i_eval_golden"
"""Attribute of a test report that carries a proposal as plain JSON from worker to controller."""

RUNS = pytest.StashKey[list[ObservedRepetition]]()
KEPT = pytest.StashKey[bool]()
WISHES: dict[GoldenMode, tuple[ChangeKind, ...]] = {
    "report": ("create", "fix", "trim"),
    "create": ("create",),
    "fix": ("fix",),
    "trim": ("trim",),
    "review": ("create", "fix", "trim"),
}
LISTINGS = ("collectonly", "showfixtures", "show_fixtures_per_test", "setupplan")


def prepare_golden(config: pytest.Config, settings: Settings) -> None:
    """Refuse what must not be written here, and finish or take back what an earlier session left half written.

    Raises:
        UsageError: golden files are read-only here, or nobody is there to be asked.
    """
    if hasattr(config, "workerinput"):
        return
    variable, mode = ci_variable(environment()), settings.golden_mode
    if mode not in {None, "report"} and variable:
        what = f"--e2i-golden={mode}: golden files are read-only in CI, and {variable} says that this is CI"
        raise UsageError(what, fix=f"use --e2i-golden=report here; elsewhere unset {variable}")
    if mode == "review" and not has_terminal(config):
        what = "--e2i-golden=review asks about each change, and there is no terminal to ask on"
        raise UsageError(what, fix="run it in a terminal, or use --e2i-golden=report and then --e2i-golden=fix")
    if variable or any(config.getoption(name, default=False) for name in LISTINGS):
        return
    if sentence := recovered(settings):
        config.pluginmanager.register(_Recovered(sentence), "e2i_eval_golden_recovered")


class _Recovered:
    """Says at the head of the session what was done about an earlier one."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def pytest_report_header(self) -> str:
        """Return the sentence."""
        return f"e2i-eval: {self._sentence}"


def register_golden(config: pytest.Config, state: SessionState) -> GoldenLifecycle | None:
    """Register the collection of changes, and return it; None when it was not asked for."""
    mode = state.settings.golden_mode
    if mode is None:
        return None
    golden = GoldenLifecycle(state, mode)
    config.pluginmanager.register(golden, "e2i_eval_golden")
    return golden


class GoldenLifecycle:
    """Collects what the cases would change."""

    def __init__(self, state: SessionState, mode: GoldenMode) -> None:
        self._state = state
        self._settings = state.settings
        self._mode = mode
        self._read: dict[Path, bytes] = {}
        self._proposals: list[Proposal] = []
        self._writer: GoldenWriter | None = None
        self._prices = PriceTable.load(self._settings.prices)

    def pytest_collect_file(self, file_path: Path) -> None:
        """Keep what a case file says before it is read: when it says something else later, it is not written."""
        if file_path.suffix in CASE_SUFFIXES and file_path.is_relative_to(self._settings.cases):
            with contextlib.suppress(OSError):  # the reader of cases says so
                self._read[file_path] = file_path.read_bytes()

    def keep(self, item: CaseItem, evaluation: Evaluated) -> None:
        """Take in one repetition of a case; of one that an earlier session judged nothing is left to learn from."""
        if evaluation.is_kept:
            item.stash[KEPT] = True
            return
        run = ObservedRepetition(evidence=evaluation.evidence, verdicts=evaluation.result.verdicts)
        item.stash.setdefault(RUNS, []).append(run)

    def attach(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
        """Attach to the last report of an item what its runs would change."""
        if call.when == "teardown":
            runs = item.stash.get(RUNS, [])
            proposal = self._kept(item) if KEPT in item.stash else self._proposal(item.path, runs) if runs else None
            item.stash[RUNS] = []  # evidence is large, and nobody looks at it again
            if proposal is not None:
                setattr(report, REPORTED, to_json(proposal))

    def _kept(self, item: pytest.Item) -> Proposal:
        file = item.location[0]
        remark = Remark(where=f"{file}:1", text="an earlier session judged it, and nothing is left to learn from")
        return Proposal(case_id=item.name, file=file, digest="", remarks=(remark,))

    def _proposal(self, path: Path, runs: list[ObservedRepetition]) -> Proposal | None:
        case = runs[0].evidence.case
        data = self._read[path]
        file = ReadFile(path=str(case.path), digest=digest_of(data), data=parse_yaml(data.decode("utf-8-sig")).data)
        try:
            return propose(
                runs,
                file,
                wishes=WISHES[self._mode],
                planned=self._settings.repeat_plan(case.target).times,
                price=self._prices.cost_usd,
            )
        except Exception as error:  # noqa: BLE001  a judged case must keep its result; that it is not changed is said
            text = f"needs your hand: what to change is unknown: {type(error).__name__}: {error}"
            remark = Remark(where=case.where(), text=text)
            return Proposal(case_id=case.id, file=file.path, digest=file.digest, remarks=(remark,))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in proposals, from this process or from a worker."""
        data = getattr(report, REPORTED, None)
        if data is not None and self._state.controller:
            self._proposals.append(from_json(Proposal, data))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Show, ask and write; after the report on what the session found."""
        if self._state.controller is None or self._state.report is None:
            return
        self._writer = GoldenWriter(session.config, self._state, self._mode)
        if not self._writer.conclude(self._proposals, exitstatus=int(session.exitstatus)):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what became of the golden files."""
        if self._writer is None:
            return
        terminalreporter.section("golden files")
        for line in self._writer.lines:
            show_line(terminalreporter, line)


def show_line(terminal: pytest.TerminalReporter, line: str) -> None:
    """Write a line; those of a diff in its colours."""
    tones = {"+": {"green": True}, "-": {"red": True}, "@": {"cyan": True}}
    terminal.write_line(line, **tones.get(line[:1], {}))
