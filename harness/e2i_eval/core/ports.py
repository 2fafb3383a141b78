"""The ports through which a session reaches Claude and the tracking server; the adapters fit them by shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from contextlib import AbstractContextManager

    from e2i_eval.core.case import Case, ScriptedAnswer
    from e2i_eval.core.exchange import Exchange, Usage, WireNote
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.core.mlflow_run import CaseRun
    from e2i_eval.core.trace import Logged, Trace
    from e2i_eval.core.verdict import Verdict

__all__ = ["Claude", "OpenCapture", "Pricing", "Tracking"]


class Pricing(Protocol):
    """Tells what a call costs."""

    def __call__(self, model: str, usage: Usage) -> float | None:
        """Return US dollars; None when the model's price is not known."""


class OpenCapture(Protocol):
    """What was seen on the wire during one case."""

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every request, in order of start."""

    @property
    def notes(self) -> tuple[WireNote, ...]:
        """Misses, leftovers, unknown fields and blocked connections."""

    def script(self, answers: Iterable[ScriptedAnswer]) -> None:
        """Append scripted answers."""


class Claude(Protocol):
    """The wire to Claude."""

    def start(self) -> None:
        """Take over the wire."""

    def stop(self) -> None:
        """Give the wire back."""

    def capture(self, case: Case) -> AbstractContextManager[OpenCapture]:
        """Script ``case`` and capture what is asked while the context is open."""


class Tracking(Protocol):
    """The tracking server; whatever cannot be asked raises ``UnknownError`` within seconds."""

    def open_session(self, *, session_id: str, name: str, tags: Mapping[str, str], params: Mapping[str, str]) -> str:
        """Create the session's run and return its id."""

    def open_target(self, *, session_run_id: str, session_id: str, target: str, tags: Mapping[str, str]) -> str:
        """Return the id of the target's run in this session, created when needed."""

    def open_case(self, *, target_run_id: str, session_id: str, case: Case, nodeid: str) -> CaseRun:
        """Create the case's run."""

    def active(self, case_run: CaseRun | None) -> AbstractContextManager[None]:
        """Let whatever is logged in the context land in the case's run; with None it lands nowhere, at once."""

    def flush(self, timeout_s: float) -> bool:
        """Send what MLflow's own queue holds; return whether that was done in time."""

    def read(self, case_run: CaseRun, *, settle_s: float = 2.0) -> tuple[tuple[Trace, ...], Logged]:
        """Read back what the server kept of the case."""

    def traces(self, run_id: str) -> tuple[Trace, ...]:
        """Read back the traces of a run."""

    def record_case(  # noqa: PLR0913  one request that ends a case; each part has its own place on the server
        self,
        case_run: CaseRun,
        *,
        passed: bool,
        verdicts: tuple[Verdict, ...],
        measurements: Mapping[str, float],
        params: Mapping[str, str],
        tags: Mapping[str, str],
        traces: tuple[str, ...],
        expectations: Mapping[str, JsonValue],
    ) -> None:
        """Write the case's judgement to its run and its traces, and end the run."""

    def end_open_cases(self, session_id: str, *, judged: Collection[str]) -> tuple[str, ...]:
        """End as KILLED the session's case runs that are open and not ``judged``; return their cases' ids."""

    def drain(self, timeout_s: float) -> bool:
        """Wait until everything recorded in this process is on the server; return whether it was in time."""

    @property
    def experiment_id(self) -> str:
        """The experiment of the session's runs."""

    @property
    def lost(self) -> tuple[str, ...]:
        """What could not be recorded, a sentence each."""

    def close(self) -> None:
        """Leave the process as it was found."""

    def close_target(
        self, run_id: str, *, passed: bool, metrics: Mapping[str, float], tags: Mapping[str, str] | None = None
    ) -> None:
        """Write a target's totals and end its run."""

    def close_session(
        self,
        run_id: str,
        *,
        passed: bool,
        metrics: Mapping[str, float],
        artifacts: Mapping[str, str],
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write the session's totals and files, wait for what is still being written, and end its run."""
