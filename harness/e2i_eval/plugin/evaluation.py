"""The evaluation as a pytest plugin object, registered only with ``--e2i-eval``; its hooks are thin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from e2i_eval.errors import E2iError, UsageError
from e2i_eval.options import environment, one_thread_each, parse_settings
from e2i_eval.plugin import fixtures
from e2i_eval.plugin.case_item import RESULTS, CaseFile
from e2i_eval.plugin.composition import Controller, Worker
from e2i_eval.render import summary_lines
from e2i_eval.report import CaseResult

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from e2i_eval.report import Report
    from e2i_eval.settings import Settings

__all__ = ["EVALUATION", "Evaluation", "register"]

REPORTED = "e2i_eval_results"
"""Attribute of a test report that carries case results as plain JSON from worker to controller."""

WORKER_INPUT = "e2i_eval_session"
WORKER_OUTPUT = "e2i_eval_lost"
CASE_SUFFIXES = {".yaml", ".yml"}


def register(config: pytest.Config) -> None:
    """Read the settings and start the session: in the controller with its server, in an xdist worker without."""
    one_thread_each(environment())
    try:
        settings = parse_settings(config.rootpath, config.getoption, config.getini)
        _refuse_empty_golden(settings)
        if str(settings.root) not in sys.path:
            sys.path.insert(0, str(settings.root))
        evaluation = Evaluation(config, settings)
    except E2iError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[EVALUATION] = evaluation
    config.pluginmanager.register(evaluation, "e2i_eval_evaluation")
    config.pluginmanager.register(fixtures, "e2i_eval_fixtures")


class Evaluation:
    """What ``--e2i-eval`` adds to a pytest session."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.settings = settings
        self.report: Report | None = None
        self._is_running = False
        self._lost: list[str] = []
        worker_input = getattr(config, "workerinput", None)
        self.controller = None if worker_input else Controller(settings)
        reference = worker_input[WORKER_INPUT] if worker_input else None
        self.worker = Worker(settings, reference or self._controller.reference())
        if self.controller and config.args_source is not config.ArgsSource.ARGS:
            config.args[:] = [str(path) for path in (settings.cases, *settings.tests)]

    @property
    def _controller(self) -> Controller:
        assert self.controller is not None  # noqa: S101  only the controller's hooks come here
        return self.controller

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: object) -> None:
        """Hand the session to an xdist worker."""
        node.workerinput[WORKER_INPUT] = self._controller.reference()  # type: ignore[attr-defined]

    def pytest_report_header(self) -> list[str]:
        """Say what is evaluated, and where it is recorded."""
        return self.controller.header() if self.controller else []

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Collect a case file."""
        if file_path.suffix not in CASE_SUFFIXES or not file_path.is_relative_to(self.settings.cases):
            return None
        return CaseFile.from_parent(parent, path=file_path, evaluation=self)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach the item's case results to its report as plain JSON."""
        report = yield
        if call.when == "teardown":
            setattr(report, REPORTED, [result.to_json() for result in item.stash.get(RESULTS, [])])
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in case results, from this process or from a worker."""
        if self.controller:
            for data in getattr(report, REPORTED, ()):
                self.controller.add(CaseResult.from_json(data))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Wait for the server, which has been starting while pytest collected."""
        if self.controller and not session.config.option.collectonly:
            try:
                self.controller.wait_ready()
            except E2iError as error:
                raise pytest.UsageError(str(error)) from error
            self._is_running = True

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Take in what an xdist worker could not record."""
        self._lost += getattr(node, "workeroutput", {}).get(WORKER_OUTPUT, ())

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the totals and the report; a problem that no case answers for fails the session."""
        self._lost += self.worker.finish()
        if self.controller is None:
            session.config.workeroutput[WORKER_OUTPUT] = self._lost  # type: ignore[attr-defined]  # xdist's
        elif self._is_running:
            self.report = self.controller.finish(int(exitstatus), self.worker.tracking(), lost=tuple(self._lost))
            if self.report.problems and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table, and how to look at the results."""
        if self.controller is None or self.report is None:
            return
        terminalreporter.section("e2i-eval")
        writer = terminalreporter._tw  # noqa: SLF001  the only way to its width and colour
        for line in summary_lines(self.report, width=writer.fullwidth, color=writer.hasmarkup):
            terminalreporter.write_line(line)
        for line in self.controller.footer():
            terminalreporter.write_line(line)

    def pytest_unconfigure(self) -> None:
        """Stop the server whatever happened."""
        self.worker.close()
        if self.controller:
            self.controller.close()


EVALUATION = pytest.StashKey[Evaluation]()


def _refuse_empty_golden(settings: Settings) -> None:
    """An evaluation without a single case file would be green for the wrong reason."""
    chosen = [settings.cases / name for name in settings.targets if settings.is_chosen(name)]
    files = (file for folder in chosen if folder.is_dir() for file in folder.rglob("*"))
    if any(file.suffix in CASE_SUFFIXES for file in files) or settings.tests:
        return
    what = f"there is no case file for {', '.join(folder.name for folder in chosen)}"
    raise UsageError(what, where=str(settings.cases), fix=f"write a first one, e.g. {chosen[0] / 'first.yaml'}")
