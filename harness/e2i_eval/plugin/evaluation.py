"""The evaluation as a pytest plugin object, registered only with ``--e2i-eval``; its hooks are thin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.errors import E2iError, UsageError
from e2i_eval.core.selection import Selection
from e2i_eval.dataset.case_file.files import CASE_SUFFIXES
from e2i_eval.plugin import fixtures, overhead_fixture
from e2i_eval.plugin.ab_tests import AbTests, base_revision
from e2i_eval.plugin.case_item import CaseFile
from e2i_eval.plugin.consent import refuse_recording_in_ci, register_consent
from e2i_eval.plugin.controller import Controller
from e2i_eval.plugin.family_item import Families
from e2i_eval.plugin.gate_registration import read_gate_basis, register_gate
from e2i_eval.plugin.golden_lifecycle import GoldenLifecycle, prepare_golden, register_golden
from e2i_eval.plugin.inconclusive import exit_code
from e2i_eval.plugin.item_report import ItemReports, results_of
from e2i_eval.plugin.narrowing import narrowing
from e2i_eval.plugin.output import register_output
from e2i_eval.plugin.overheads import MEASURED, OVERHEADS_PLUGIN, BusyWorker, Overheads
from e2i_eval.plugin.state import STATE, SessionState
from e2i_eval.plugin.worker import Worker
from e2i_eval.report import summary_lines
from e2i_eval.runner.config.options import environment, one_thread_each, parse_settings
from e2i_eval.runner.config.settings import CANDIDATES
from e2i_eval.runner.evaluation import refuse_wrong_code

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from e2i_eval.benchmark.ab.revision import Revision
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.plugin.case_item import CaseItem
    from e2i_eval.runner.config.settings import Settings
    from e2i_eval.runner.evaluation import Evaluation as Evaluated

__all__ = ["EvaluationPlugin", "register"]

WORKER_INPUT = "e2i_eval_session"
WORKER_OUTPUT = "e2i_eval_lost"
WORKER_DESELECTED = "e2i_eval_deselected"

LISTINGS = ("collectonly", "showfixtures", "show_fixtures_per_test", "setupplan")
"""What shows tests without running any: no server is started for it, no file written."""

ANSWERS = ("help", "version", "markers")
"""What pytest answers without looking for a test."""


def register(config: pytest.Config) -> None:
    """Read the settings and start the session: in the controller with its server, in an xdist worker without."""
    if any(config.getoption(name, default=False) for name in ANSWERS):
        return
    one_thread_each(environment())
    try:
        settings = parse_settings(config.rootpath, config.getoption, config.getini)
        _refuse_empty_golden(settings)
        refuse_recording_in_ci(settings)
        prepare_golden(config, settings)
        gate_basis = read_gate_basis(settings)
        revision = base_revision(config, settings)
        if str(settings.root) not in sys.path:
            sys.path.insert(0, str(settings.root))
        evaluation = EvaluationPlugin(config, settings, revision)
        config.add_cleanup(evaluation.close)
        if not any(config.getoption(name, default=False) for name in LISTINGS):
            evaluation.start(getattr(config, "workerinput", None))
    except E2iError as error:
        raise pytest.UsageError(str(error)) from error
    state = evaluation.state
    config.stash[STATE] = state
    config.stash[OVERHEADS_PLUGIN] = evaluation.overheads
    config.pluginmanager.register(evaluation, "e2i_eval_evaluation")
    config.pluginmanager.register(fixtures, "e2i_eval_fixtures")
    register_output(config, state)
    config.pluginmanager.register(evaluation.overheads, "e2i_eval_overheads")
    if evaluation.overheads.has_neighbours:
        config.pluginmanager.register(BusyWorker(evaluation.overheads), "e2i_eval_busy_worker")
    config.pluginmanager.register(overhead_fixture, "e2i_eval_overhead_fixture")
    register_consent(config, state)
    config.pluginmanager.register(evaluation.ab_tests, "e2i_eval_ab_tests")
    register_gate(config, settings, gate_basis, state.controller)
    evaluation.golden = register_golden(config, state)
    reports = ItemReports(
        state,
        gate_basis.quarantine,
        overheads=evaluation.overheads,
        ab_tests=evaluation.ab_tests,
        golden=evaluation.golden,
    )
    config.pluginmanager.register(reports, "e2i_eval_item_reports")


class EvaluationPlugin:
    """What ``--e2i-eval`` adds to a pytest session."""

    def __init__(self, config: pytest.Config, settings: Settings, revision: Revision | None) -> None:
        self.settings = settings
        self.state = SessionState(settings)
        self.families = Families(self.state)
        self.overheads = Overheads(config, self.state)
        self.ab_tests = AbTests(self.state, revision)
        self.golden: GoldenLifecycle | None = None
        self._is_running = False
        self._lost: list[str] = []
        self._ended: set[str] = set()
        self._deselected = 0
        if config.args_source is not config.ArgsSource.ARGS:  # an xdist worker finds its paths by itself, so there too
            folders = (settings.cases,) if settings.cases.is_dir() else ()
            config.args[:] = [str(path) for path in (*folders, *settings.tests, *self._files_elsewhere())]

    def _files_elsewhere(self) -> list[Path]:
        """Return the families files that pytest would not come across by itself."""
        searched = (self.settings.cases, *self.settings.tests)
        return [file for file in self.families.book.files if not any(map(file.is_relative_to, searched))]

    def start(self, worker_input: JsonObject | None) -> None:
        """Start the session, or take part in one.

        Args:
            worker_input: what the controller gave to this xdist worker; None in the controller.

        Raises:
            E2iError: the server cannot be started, or a folder not be written.
        """
        if worker_input is None:
            controller = self.state.own(Controller(self.settings))
            self.state.take_part(Worker(self.settings, controller.reference()))
        else:
            self.state.take_part(Worker(self.settings, worker_input[WORKER_INPUT]))

    def close(self) -> None:
        """Stop the server whatever happened; may be called twice."""
        self.families.close()
        self.ab_tests.close()
        self.state.close()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: object) -> None:
        """Hand the session to an xdist worker."""
        if self.state.controller:
            node.workerinput[WORKER_INPUT] = self.state.controller.reference()  # type: ignore[attr-defined]

    def pytest_report_header(self) -> list[str]:
        """Say what is evaluated, and where it is recorded."""
        return self.state.controller.header() if self.state.controller else []

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Collect a case file or a families file."""
        if families := self.families.collected(file_path, parent):
            return families
        if file_path.suffix not in CASE_SUFFIXES or not file_path.is_relative_to(self.settings.cases):
            return None
        return CaseFile.from_parent(parent, path=file_path, state=self.state, keep=self._keep)

    def _keep(self, item: CaseItem, evaluation: Evaluated) -> None:
        """Keep an evaluated case for the checks that start from it, and for the golden files that follow it."""
        if self.families.book.files:
            self.families.keep(evaluation)
        if self.golden:
            self.golden.keep(item, evaluation)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out evaluations of targets that were not chosen."""
        left_out = [item for item in items if not self._is_chosen(item)]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if item not in left_out]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell the check families what will run here."""
        self.families.choose(session)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count what was found and left out, by whatever."""
        self._deselected += len(items)

    def _is_chosen(self, item: pytest.Item) -> bool:
        marker = item.get_closest_marker("e2i")
        return marker is None or not marker.args or self.settings.is_chosen(str(marker.args[0]))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in case results and measurements, from this process or from a worker."""
        results = results_of(report)
        self.state.passed.update(result.case_id for result in results if result.status == "pass")
        controller = self.state.controller
        if not controller:
            return
        for result in results:
            controller.add(result)
        if hasattr(report, MEASURED):
            self.overheads.take(report, controller)
        if report.when == "teardown":
            self._ended.add(report.nodeid)
        elif report.when not in {"setup", "call"}:  # xdist's word on a worker that is gone
            self._lost.append(f"{report.nodeid} has no result: {report.longreprtext.splitlines()[-1]}")
            self._ended.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        """Wait for the server, which has been starting while pytest collected."""
        if self.state.controller:
            try:
                refuse_wrong_code(self.state.settings)
                self.state.controller.wait_ready(self.state.worker)
            except E2iError as error:
                raise pytest.UsageError(str(error)) from error
            self._is_running = True

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Take in what an xdist worker could not record."""
        output = getattr(node, "workeroutput", {})
        self._lost += output.get(WORKER_OUTPUT, ())
        self._deselected = max(self._deselected, output.get(WORKER_DESELECTED, 0))  # each worker collects everything

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the totals and the report; a problem that no case answers for fails the session."""
        if not self.state.has_started:
            return
        self._lost += self.families.finish()
        self._lost += self.overheads.finish()
        self._lost += self.ab_tests.finish()
        self._lost += self.state.worker.finish()
        if self.state.controller is None:
            session.config.workeroutput[WORKER_OUTPUT] = self._lost  # type: ignore[attr-defined]  # xdist's
            session.config.workeroutput[WORKER_DESELECTED] = self._deselected  # type: ignore[attr-defined]  # xdist's
        elif self._is_running:
            self._conclude(self.state.controller, session, int(exitstatus))

    def _conclude(self, controller: Controller, session: pytest.Session, exitstatus: int) -> None:
        """Write the report, and let it fail the session."""
        flags = tuple(narrowing(session.config, self.settings))
        controller.select(Selection(collected=session.testscollected, deselected=self._deselected, flags=flags))
        controller.note(*self.families.book.notes())
        controller.is_partial = bool(self._missing(session.testscollected))
        lost = tuple(dict.fromkeys((*self._lost, *self._missing(session.testscollected))))
        self.state.report = report = controller.finish(exitstatus, self.state.worker.tracking, lost=lost)
        if report.problems and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if controller.late_judges.is_undecided and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = exit_code(self.settings.inconclusive)

    def _missing(self, collected: int) -> tuple[str, ...]:
        """Say how many tests have no result, whatever stopped the session: ``-x``, Ctrl-C, a worker that is gone."""
        missing = collected - len(self._ended)
        if missing <= 0:
            return ()
        return (f"{missing} of {collected} tests did not run to their end: they have no result here",)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table, and how to look at the results."""
        if self.state.controller is None or self.state.report is None:
            return
        terminalreporter.ensure_newline()
        terminalreporter.section("e2i-eval")
        writer = terminalreporter._tw  # noqa: SLF001  the only way to its colour
        for line in summary_lines(self.state.report, color=writer.hasmarkup):
            terminalreporter.write_line(line)
        for line in self.state.controller.footer():
            terminalreporter.write_line(line)


def _refuse_empty_golden(settings: Settings) -> None:
    """An evaluation without a single case file would be green for the wrong reason."""
    chosen = [settings.cases / name for name in settings.targets if settings.is_chosen(name)]
    files = (file for folder in chosen if folder.is_dir() for file in folder.rglob("*"))
    if any(file.suffix in CASE_SUFFIXES for file in files) or settings.tests:
        return
    what = f"there is no case file for {', '.join(folder.name for folder in chosen)}"
    first = f"write a first one, e.g. {chosen[0] / 'first.yaml'}"
    is_waiting = settings.golden.name == CANDIDATES
    raise UsageError(
        what, where=str(settings.cases), fix="make some: e2i-eval harvest --tracking-uri=URI" if is_waiting else first
    )
