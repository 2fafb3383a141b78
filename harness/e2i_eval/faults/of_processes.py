"""Faults: the process is killed in the middle of a call, and what it had not sent is gone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from e2i_eval.faults.chat_models import sending
from e2i_eval.faults.fault_list import FaultList
from e2i_eval.faults.needs import A_TRACE, ONE_CALL
from e2i_eval.faults.sent_span import Spans, calls
from e2i_eval.tracking.traffic import Handling, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2i_eval.faults.control_run import ControlRun

__all__ = ["PROCESS_FAULTS"]

PROCESS_FAULTS = FaultList(kind="lost", place="agent", checks=("logging", "trace"))
"""Nothing arrives, then the beginning does."""


class KilledError(RuntimeError):
    """What the caller sees of a process that is gone."""


class Kill:
    """Ends the process as seen from outside: after Claude's first answer nothing more is heard or logged.

    A real kill would take the prover along. What the agent's own code does with the error is of no consequence, since
    nothing of it leaves the process any more.
    """

    def __init__(self) -> None:
        self._is_dead = False

    @contextmanager
    def while_asking(self, _control_run: ControlRun, applied: Callable[[], None]) -> Iterator[None]:
        """Die when Claude has answered the first time; a new block is a new process."""
        self._is_dead = False

        def die(_answer: Any) -> Any:  # noqa: ANN401  a ChatResult
            self._is_dead = True
            applied()
            msg = "the process was killed"
            raise KilledError(msg)

        with sending(on_answer=die):
            yield

    def silence(self, message: HttpRequest, _control_run: ControlRun) -> Handling | None:
        """Let nothing more arrive of what the dead process would still log."""
        return Handling() if self._is_dead and message.is_write else None


KILL = Kill()
PROCESS_FAULTS.model(
    "killed-in-mid-call",
    "The process is killed when Claude has answered; what it logs at the end of a call is never sent.",
    source="measured: a hard exit right after five calls kept one to four of the five traces",
    says="no span on the server|traces",
    needs=(ONE_CALL, A_TRACE),
    request=KILL.silence,
)(KILL.while_asking)


@PROCESS_FAULTS.spans(
    "trace-left-in-progress",
    "The process is killed in a call to Claude: what had ended by then is stored, the trace never ends.",
    source="mlflow/mlflow#13352 and #12669: traces in progress for ever",
    kind="unfinished",
    place="log",
    checks=("trace",),
    says="IN_PROGRESS",
    needs=(ONE_CALL, A_TRACE),
)
def stop_before_first_call(spans: Spans, _control_run: ControlRun) -> Spans:
    """Keep what had ended when the first call to Claude began, as where each span is sent when it ends."""
    begun_ns = min((span.start_ns for span in calls(spans)), default=None)
    return spans if begun_ns is None else [span for span in spans if span.end_ns <= begun_ns]
