"""The catalogue: every fault by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.core.errors import UsageError
from e2i_eval.core.suggestion import suggested
from e2i_eval.faults.calls_astray import CALLS_ASTRAY
from e2i_eval.faults.calls_missing import MISSING_IN_CALLS
from e2i_eval.faults.calls_wrong import WRONG_IN_CALLS
from e2i_eval.faults.of_agents import AGENT_FAULTS
from e2i_eval.faults.of_answers import ANSWER_FAULTS
from e2i_eval.faults.of_documents import DOCUMENT_FAULTS
from e2i_eval.faults.of_graphs import GRAPH_FAULTS
from e2i_eval.faults.of_processes import PROCESS_FAULTS
from e2i_eval.faults.of_questions import QUESTION_FAULTS
from e2i_eval.faults.of_runs import RUN_FAULTS
from e2i_eval.faults.of_secrets import SECRET_FAULTS
from e2i_eval.faults.of_traces import TRACE_FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.faults.fault import Fault

__all__ = ["FAULTS", "choose"]

FAULTS: tuple[Fault, ...] = (
    *MISSING_IN_CALLS,
    *WRONG_IN_CALLS,
    *CALLS_ASTRAY,
    *TRACE_FAULTS,
    *PROCESS_FAULTS,
    *ANSWER_FAULTS,
    *SECRET_FAULTS,
    *DOCUMENT_FAULTS,
    *RUN_FAULTS,
    *QUESTION_FAULTS,
    *GRAPH_FAULTS,
    *AGENT_FAULTS,
)


def choose(names: Iterable[str]) -> tuple[Fault, ...]:
    """Return the named faults in the order of the catalogue; all of them when none is named.

    Raises:
        UsageError: there is no fault of such a name.
    """
    wanted = set(names)
    known = [fault.name for fault in FAULTS]
    for name in sorted(wanted - set(known)):
        what = f"there is no fault {name!r}"
        raise UsageError(what, fix=suggested(name, known, otherwise="list them with: e2i-eval prove --list"))
    return tuple(fault for fault in FAULTS if not wanted or fault.name in wanted)
