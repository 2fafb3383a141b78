"""Making a case's run the one MLflow's fluent functions log to, without getting in the way of a target's own runs."""

from __future__ import annotations

import contextlib
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from e2i_eval.core.mlflow_run import CaseRun

__all__ = ["Strays", "end_open_runs", "fluent_run", "other_experiment", "point_mlflow_at"]

Strays = set[str]
"""Ids of runs that a target opened itself while its case ran."""


@contextlib.contextmanager
def fluent_run(
    case_run: CaseRun, environ: MutableMapping[str, str], strays: Strays, *, tag_traces: bool = True
) -> Iterator[None]:
    """Make ``case_run`` the active run of this thread, and have traces say so, whichever thread they start in.

    ``mlflow.log_*`` go to it. A run that the target starts becomes its child, as if the target had asked for
    ``nested=True``: without that MLflow would refuse, and the target would fail only because it is being evaluated.
    Afterwards no thread has the run any more, and ``strays`` has the ids of the runs the target opened.
    ``tag_traces`` needs that the same context (as in ``contextvars``) enters and leaves.
    """
    import mlflow  # noqa: PLC0415  MLflow is heavy
    from mlflow.tracking import fluent  # noqa: PLC0415

    stack = getattr(fluent, "_active_run_stack", None)
    if stack is None:  # another MLflow: the public way costs five requests and refuses a target's own runs
        with mlflow.start_run(run_id=case_run.run_id), _trace_context(mlflow, case_run if tag_traces else None):
            yield
        return
    before = _open_runs(fluent, stack)
    with _nested_by_default(fluent), _case_instead_of_variable(fluent, case_run, environ):
        stack.get().append(_active_run(mlflow, case_run))
        try:
            with _trace_context(mlflow, case_run if tag_traces else None):
                yield
        finally:
            strays |= _open_runs(fluent, stack) - before - {case_run.run_id}
            _forget(stack, case_run.run_id)


def point_mlflow_at(uri: str | None) -> str | None:
    """Have MLflow's client use ``uri`` from now on; return what it used before (None: nothing was set in code).

    Traces that are under way to another server are not flushed: the provider is replaced only when it must be.
    """
    utils: Any = import_module("mlflow.tracking._tracking_service.utils")
    before: str | None = getattr(utils, "_tracking_uri", None)
    if before != uri:
        utils.set_tracking_uri(uri)
    return before


def end_open_runs(*, is_server_gone: bool) -> None:
    """End the runs that were left open outside every case, as MLflow does when the process ends.

    By then it would ask whichever server the user's shell names. With the server gone they are only forgotten.
    """
    fluent: Any = sys.modules.get("mlflow.tracking.fluent")
    stack = getattr(fluent, "_active_run_stack", None)
    if stack is None:
        return
    while stack.get() and not is_server_gone:
        with contextlib.suppress(Exception):  # MLflow takes the run off the stack before it asks the server
            fluent.end_run()
    for held in stack.get_all_thread_values().values():
        held.clear()


def other_experiment(case_run: CaseRun) -> str | None:
    """Return the experiment a target chose by ``set_experiment``, if it is not the case's; its traces go there."""
    fluent = sys.modules.get("mlflow.tracking.fluent")
    chosen: str | None = getattr(fluent, "_active_experiment_id", None)
    return chosen if chosen != case_run.experiment_id else None


def _trace_context(mlflow: Any, case_run: CaseRun | None) -> contextlib.AbstractContextManager[None]:  # noqa: ANN401
    context = getattr(mlflow.tracing, "context", None)
    if context is None or case_run is None:
        return contextlib.nullcontext()
    scope: contextlib.AbstractContextManager[None] = context(
        metadata={"mlflow.sourceRun": case_run.run_id}, tags=case_run.trace_tags
    )
    return scope


def _active_run(mlflow: Any, case_run: CaseRun) -> Any:  # noqa: ANN401
    """Return the run as MLflow's client would, without asking the server for what it just said."""
    from mlflow.entities import Run, RunData, RunInfo  # noqa: PLC0415  MLflow is heavy

    try:
        info = RunInfo(
            run_id=case_run.run_id,
            experiment_id=case_run.experiment_id,
            user_id="",
            status="RUNNING",
            start_time=case_run.started_ms,
            end_time=None,
            lifecycle_stage="active",
            artifact_uri=case_run.artifact_uri,
            run_name=case_run.case_id,
        )
        return mlflow.ActiveRun(Run(info, RunData()))
    except TypeError:  # another MLflow, other fields
        return mlflow.ActiveRun(mlflow.MlflowClient().get_run(case_run.run_id))


@contextlib.contextmanager
def _nested_by_default(fluent: Any) -> Iterator[None]:  # noqa: ANN401
    """Let ``start_run()`` mean ``start_run(nested=True)``, under every name it was imported by."""
    function = fluent.start_run
    defaults = function.__defaults__ or ()
    named = function.__code__.co_varnames[: function.__code__.co_argcount][-len(defaults) :]
    if "nested" not in named:
        yield
        return
    at = named.index("nested")
    function.__defaults__ = (*defaults[:at], True, *defaults[at + 1 :])
    try:
        yield
    finally:
        function.__defaults__ = defaults


@contextlib.contextmanager
def _case_instead_of_variable(fluent: Any, case_run: CaseRun, environ: MutableMapping[str, str]) -> Iterator[None]:  # noqa: ANN401
    """Stand in for ``MLFLOW_RUN_ID`` inside MLflow, which deletes the variable at its first use."""
    real = getattr(fluent, "MLFLOW_RUN_ID", None)
    if real is None:
        yield
        return
    fluent.MLFLOW_RUN_ID = _RunIdVariable(fluent, case_run, environ)
    try:
        yield
    finally:
        fluent.MLFLOW_RUN_ID = real
        environ.pop(_RunIdVariable.name, None)


class _RunIdVariable:
    """What MLflow sees as ``MLFLOW_RUN_ID`` while a case runs.

    A thread without a run of its own resumes the case's, so that a node running in a pool logs where the case does.
    A thread that has the case's run opens a child of it.
    """

    name = "_E2I_EVAL_RESUMED_RUN"

    def __init__(self, fluent: Any, case_run: CaseRun, environ: MutableMapping[str, str]) -> None:  # noqa: ANN401
        self._fluent = fluent
        self._case_run = case_run
        self._environ = environ

    def get(self) -> str | None:
        """Return the run to resume; None starts a new one."""
        if self._fluent._active_run_stack.get() or other_experiment(self._case_run):  # noqa: SLF001
            return None
        self._environ[self.name] = self._case_run.run_id  # MLflow deletes what it has read
        return self._case_run.run_id

    def unset(self) -> None:
        """Keep the case's run: MLflow forgets the variable whenever any run ends."""


def _open_runs(fluent: Any, stack: Any) -> set[str]:  # noqa: ANN401
    """Return the ids of runs that are open, or were the last to be closed, in any thread."""
    runs = {run.info.run_id for held in stack.get_all_thread_values().values() for run in held}
    last = getattr(fluent, "_last_active_run_id", None)
    closed = {} if last is None else last.get_all_thread_values()
    return runs | {run_id for run_id in closed.values() if run_id}


def _forget(stack: Any, run_id: str) -> None:  # noqa: ANN401
    """Take a run off every thread's stack: a pool's thread would go on logging to it in the next case."""
    for held in stack.get_all_thread_values().values():
        held[:] = [run for run in held if run.info.run_id != run_id]
