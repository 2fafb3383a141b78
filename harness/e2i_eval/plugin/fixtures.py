"""The fixtures for evaluations written in Python; registered only with ``--e2i-eval``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.errors import UsageError
from e2i_eval.golden import make_case, read_case
from e2i_eval.plugin.case_item import RESULTS, CaseFailed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from e2i_eval.case import Case
    from e2i_eval.evaluator import Evaluation, Evaluator
    from e2i_eval.json_value import JsonObject
    from e2i_eval.plugin.evaluation import Evaluation as Plugin
    from e2i_eval.trace import Trace

__all__ = ["Evaluate", "case", "evaluate", "mlflow_server", "pytest_generate_tests", "traces"]


class Evaluate:
    """Evaluates a case of the marker's target, or any target, from within a test."""

    def __init__(self, request: pytest.FixtureRequest, evaluator: Evaluator) -> None:
        self._request = request
        self._evaluator = evaluator
        self._made = 0

    def __call__(self, case: Case, *, check: bool = True) -> Evaluation:
        """Evaluate ``case`` and return result and evidence.

        Args:
            case: a golden case, or one made with ``evaluate.case``.
            check: fail the test when the case does not pass; False leaves the judgement to the test.

        Raises:
            CaseFailed: the case did not pass and ``check`` is set.
        """
        node = self._request.node
        evaluation = self._evaluator.evaluate(case, node.nodeid)
        if check:
            node.stash.setdefault(RESULTS, []).append(evaluation.result)
            if evaluation.result.status != "pass":
                raise CaseFailed(evaluation.result)
        return evaluation

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
    return Evaluate(request, _plugin(request.config).worker.evaluator())


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """Return one golden case of the marker's target; the test runs once for each of them."""
    config = request.config
    settings = _plugin(config).settings
    path: Path = request.param
    return read_case(path, root=settings.root, known_targets=settings.targets)


@pytest.fixture
def mlflow_server(request: pytest.FixtureRequest) -> str:
    """Return the address of the session's tracking server, ready to be asked."""
    worker = _plugin(request.config).worker
    worker.evaluator()
    return worker.uri


@pytest.fixture
def traces(request: pytest.FixtureRequest) -> Traces:
    """Read traces back from the server: ``traces(evaluation)``."""
    return Traces(_plugin(request.config))


class Traces:
    """Reads back what the server keeps."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin

    def __call__(self, evaluation: Evaluation) -> tuple[Trace, ...]:
        """Return the traces of an evaluated case as the server has them now, assessments' effects included."""
        return self._plugin.worker.tracking().traces(evaluation.result.run_id)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for ``case`` once for each golden case of its marker's target."""
    if "case" not in metafunc.fixturenames or metafunc.definition.get_closest_marker("e2i") is None:
        return
    settings = _plugin(metafunc.config).settings
    target = _marked_target(metafunc.definition)
    folder = settings.cases / target
    files = sorted(file for file in folder.rglob("*") if file.suffix in {".yaml", ".yml"})
    metafunc.parametrize("case", files, ids=[file.stem for file in files], indirect=True)


def _plugin(config: pytest.Config) -> Plugin:
    from e2i_eval.plugin.evaluation import EVALUATION  # noqa: PLC0415  evaluation registers this module

    return config.stash[EVALUATION]


def _marked_target(node: pytest.Item | pytest.Collector) -> str:
    marker = node.get_closest_marker("e2i")
    if marker is None or not marker.args:
        what = f"{node.nodeid} names no target"
        raise UsageError(what, fix='mark it with @pytest.mark.e2i("target"), or pass target=')
    return str(marker.args[0])
