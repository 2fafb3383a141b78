"""The fixtures for evaluations written in Python; registered only with ``--e2i-eval``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.errors import E2iError, UsageError
from e2i_eval.dataset.case_file.files import case_files
from e2i_eval.dataset.case_file.reader import read_case
from e2i_eval.dataset.made_case import make_case
from e2i_eval.plugin.case_item import RESULTS, raise_unless_passed
from e2i_eval.plugin.state import STATE
from e2i_eval.runner.repetitions import evaluate_repeatedly

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from e2i_eval.core.case import Case
    from e2i_eval.core.check import Check
    from e2i_eval.core.exchange import Exchange
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.ports import OpenCapture
    from e2i_eval.core.trace import Trace
    from e2i_eval.plugin.state import SessionState
    from e2i_eval.runner.config.settings import Settings
    from e2i_eval.runner.evaluation import Evaluation, Evaluator

__all__ = [
    "ClaudeScript",
    "Evaluate",
    "case",
    "claude",
    "claude_server",
    "evaluate",
    "mlflow_server",
    "pytest_generate_tests",
    "traces",
]


class Evaluate:
    """Evaluates a case of the marker's target, or any target, from within a test."""

    def __init__(self, request: pytest.FixtureRequest, evaluator: Evaluator) -> None:
        self._request = request
        self._evaluator = evaluator
        self._settings = request.config.stash[STATE].settings
        self._made = 0

    def __call__(self, case: Case, *, check: bool = True, checks: Sequence[Check | str] = ()) -> Evaluation:
        """Evaluate ``case``, as often as its target's cases are repeated, and return the last result and evidence.

        Args:
            case: a golden case, or one made with ``evaluate.case``.
            check: fail the test when the case does not pass; False leaves the judgement to the test,
                and evaluates it once.
            checks: what judges it besides: functions from evidence to verdict, or ``module:attribute`` that names one.

        Raises:
            UsageError: one of ``checks`` is none, or has the name of another.
            CaseFailed: the case did not pass and ``check`` is set.
            CaseInconclusive: its repetitions leave it open and ``check`` is set.
        """
        node = self._request.node
        __tracebackhide__ = True
        case = replace(case, checks=(*case.checks, *checks))
        if not check:
            return self._evaluator.evaluate(case, node.nodeid)
        made: list[Evaluation] = []

        def keep(evaluation: Evaluation) -> None:
            made.append(evaluation)
            node.stash.setdefault(RESULTS, []).append(evaluation.result)

        plan = self._settings.repeat_plan(case.target)
        result, verdict = evaluate_repeatedly(self._evaluator, case, node.nodeid, plan, keep)
        raise_unless_passed(result, verdict)
        return made[-1]

    def case(
        self,
        inputs: JsonObject,
        *,
        target: str | None = None,
        claude: Sequence[JsonObject] = (),
        expect: JsonObject | None = None,
    ) -> Case:
        """Make a case in code, in the words of a case file.

        Args:
            inputs: what the target is called with.
            target: its name; None takes the one of the test's marker.
            claude: the scripted answers.
            expect: what must come out.

        Raises:
            UsageError: a word is not one of a case file's, or no target is named.
        """
        self._made += 1
        name = target or _marked_target(self._request.node)
        case_id = f"{name}/{self._request.node.name}-{self._made}"
        return make_case(case_id, target=name, inputs=inputs, claude=claude, expect=expect or {})


@pytest.fixture
def evaluate(request: pytest.FixtureRequest) -> Evaluate:
    """Evaluate cases from within a test: ``evaluate(case)`` or ``evaluate(evaluate.case({...}, claude=[...]))``."""
    return Evaluate(request, request.config.stash[STATE].worker.evaluator())


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """Return one golden case of the marker's target; the test runs once for each of them."""
    config = request.config
    settings = config.stash[STATE].settings
    if isinstance(request.param, E2iError):
        raise request.param
    path: Path = request.param
    return read_case(path, root=settings.root, known_targets=settings.targets)


class ClaudeScript:
    """Claude for a test that makes its own clients: gives scripted answers, and keeps what it was asked."""

    def __init__(self, case: Case, capture: OpenCapture) -> None:
        self._case = case
        self._capture = capture

    def script(self, answers: Sequence[JsonObject]) -> None:
        """Append what Claude will say, in the words of a case file's ``claude:``.

        Raises:
            CaseFileError: a word is not one of a case file's.
        """
        made = make_case(self._case.id, target=self._case.target, inputs={}, claude=answers, expect={})
        self._capture.script(made.script)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every request to Claude so far and what was answered, as seen on the wire, in order of start."""
        return self._capture.exchanges


@pytest.fixture
def claude(request: pytest.FixtureRequest) -> Iterator[ClaudeScript]:
    """Script Claude for clients that the test makes itself: ``claude.script([...])``, ``claude.exchanges``.

    A request that nothing answers, and an answer that nobody asks for, fail the test.
    """
    scripted = make_case(f"tests/{request.node.name}", target="tests", inputs={}, expect={})
    with request.config.stash[STATE].worker.claude.capture(scripted) as capture:
        yield ClaudeScript(scripted, capture)
    if capture.notes:
        pytest.fail("\n".join(note.message for note in capture.notes), pytrace=False)


class ClaudeAddress(ClaudeScript):
    """Claude for processes that a test starts, by an address on the loopback interface.

    Attributes:
        url: what ``ANTHROPIC_BASE_URL`` is for those processes.
        environ: the environment they need, and have already when they inherit that of the test.
    """

    def __init__(self, case: Case, capture: OpenCapture, variables: Mapping[str, str | None]) -> None:
        super().__init__(case, capture)
        self.url = str(variables["ANTHROPIC_BASE_URL"])
        self.environ = {name: value for name, value in variables.items() if value is not None}


@pytest.fixture
def claude_server(request: pytest.FixtureRequest) -> Iterator[ClaudeAddress]:
    """Let processes ask Claude: ``claude_server.script([...])``, ``claude_server.url``, ``claude_server.exchanges``.

    Cases that the test evaluates have an address of their own, which the processes they start find in the environment.
    """
    scripted = make_case(f"tests/{request.node.name}", target="tests", inputs={}, expect={})
    worker = request.config.stash[STATE].worker
    worker.tracking.expect_other_processes()
    with worker.claude.endpoint(), worker.claude.capture(scripted) as capture:
        yield ClaudeAddress(scripted, capture, capture.variables)
    if capture.notes:
        pytest.fail("\n".join(note.message for note in capture.notes), pytrace=False)


@pytest.fixture
def mlflow_server(request: pytest.FixtureRequest) -> str:
    """Return the address of the session's tracking server, ready to be asked."""
    worker = request.config.stash[STATE].worker
    worker.evaluator()
    return worker.ref.uri


@pytest.fixture
def traces(request: pytest.FixtureRequest) -> Traces:
    """Read traces back from the server: ``traces(evaluation)``."""
    return Traces(request.config.stash[STATE])


class Traces:
    """Reads back what the server keeps."""

    def __init__(self, state: SessionState) -> None:
        self._state = state

    def __call__(self, evaluation: Evaluation) -> tuple[Trace, ...]:
        """Return the traces of an evaluated case as the server has them now, assessments' effects included."""
        return self._state.worker.tracking.traces(evaluation.result.run_id)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for ``case`` once for each golden case of its marker's target."""
    if "case" not in metafunc.fixturenames or metafunc.definition.get_closest_marker("e2i") is None:
        return
    try:
        files = _golden_files(metafunc.config.stash[STATE].settings, _marked_target(metafunc.definition))
    except UsageError as error:  # a failing test, so that the others still run
        metafunc.parametrize("case", [error], ids=["none"], indirect=True)
        return
    metafunc.parametrize("case", files, ids=[file.stem for file in files], indirect=True)


def _golden_files(settings: Settings, target: str) -> list[Path]:
    """Return the target's case files; a test that runs for none of them would be green for the wrong reason."""
    folder = settings.cases / target
    files = case_files(folder)
    if not files:
        what = f"there is no golden case of target {target!r}"
        raise UsageError(what, where=str(folder), fix=f"write a first one, e.g. {folder / 'first.yaml'}")
    return files


def _marked_target(node: pytest.Item | pytest.Collector) -> str:
    marker = node.get_closest_marker("e2i")
    if marker is None or not marker.args:
        what = f"{node.nodeid} names no target"
        raise UsageError(what, fix='mark it with @pytest.mark.e2i("target"), or pass target=')
    return str(marker.args[0])
