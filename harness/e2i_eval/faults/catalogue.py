"""The catalogue: every fault by name."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from e2i_eval.errors import UsageError
from e2i_eval.faults.of_agents import AGENT_FAULTS
from e2i_eval.faults.of_calls import CALL_FAULTS
from e2i_eval.faults.of_runs import RUN_FAULTS
from e2i_eval.faults.of_traces import TRACE_FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.faults.fault import Fault

__all__ = ["FAULTS", "choose"]

FAULTS: tuple[Fault, ...] = (*CALL_FAULTS, *TRACE_FAULTS, *RUN_FAULTS, *AGENT_FAULTS)


def choose(names: Iterable[str]) -> tuple[Fault, ...]:
    """Return the named faults in the order of the catalogue; all of them when none is named.

    Raises:
        UsageError: there is no fault of such a name.
    """
    wanted = set(names)
    known = [fault.name for fault in FAULTS]
    for name in sorted(wanted - set(known)):
        near = difflib.get_close_matches(name, known, n=1)
        fix = f"did you mean {near[0]!r}?" if near else "list them with: e2i-eval prove --list"
        what = f"there is no fault {name!r}"
        raise UsageError(what, fix=fix)
    return tuple(fault for fault in FAULTS if not wanted or fault.name in wanted)
