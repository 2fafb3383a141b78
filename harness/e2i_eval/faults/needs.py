"""What faults need of a case."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from e2i_eval.checks.contract.scope import scope_of
from e2i_eval.faults.fault import Need

if TYPE_CHECKING:
    from e2i_eval.checks.contract.contract import FieldGroup
    from e2i_eval.core.case import Case
    from e2i_eval.core.exchange import Usage
    from e2i_eval.faults.control_run import ControlRun

__all__ = [
    "A_CLAUDE_ERROR",
    "A_SYSTEM_PROMPT",
    "A_TOOL_CALL",
    "A_TRACE",
    "CACHED_TOKENS",
    "DOCUMENTS",
    "ONE_CALL",
    "OUTPUT_IS_JUDGED",
    "PLAIN_SCRIPT",
    "RERANKED",
    "TWO_CALLS",
    "another_case",
    "demands",
    "logs",
    "nodes_are_judged",
    "wanted_names",
]


def _has_answers(case: Case) -> bool:
    return any(each.error is None and each.fault is None for each in case.script)


ONE_CALL = Need(
    what="no case has an answered call to Claude", is_likely=_has_answers, is_met=lambda s: bool(s.answered)
)
TWO_CALLS = Need(
    what="no case has two different answers of Claude",
    is_likely=lambda case: len([each for each in case.script if each.error is None]) > 1,
    is_met=lambda control_run: len({str((each.response or {}).get("content")) for each in control_run.answered}) > 1,
)
A_TOOL_CALL = Need(
    what="in no case does Claude call a tool",
    is_likely=lambda case: any(block.get("type") == "tool_use" for each in case.script for block in each.content),
    is_met=lambda control_run: bool(control_run.tool_calls()),
)
A_SYSTEM_PROMPT = Need(what="no call has a system prompt", is_met=lambda control_run: bool(control_run.system_texts()))
A_TRACE = Need(what="no case leaves a trace", is_met=lambda control_run: bool(control_run.spans))
A_CLAUDE_ERROR = Need(
    what="in no case does Claude answer with an error to the end",
    is_likely=lambda case: any(each.error is not None for each in case.script),
    is_met=lambda control_run: bool(control_run.failed) and not control_run.answered,
)
RERANKED = Need(
    what="no case logs a reranking of several documents that the contract asks for",
    is_met=lambda control_run: _holds_rag(control_run) and any(each.type == "RERANKER" for each in control_run.spans),
)
DOCUMENTS = Need(
    what="no case logs retrieved documents that the contract asks for",
    is_met=lambda control_run: _holds_rag(control_run) and any(each.type == "RETRIEVER" for each in control_run.spans),
)


def _holds_rag(control_run: ControlRun) -> bool:
    rules = control_run.contract.rag
    return rules is not None and bool(control_run.answered) and scope_of(control_run.evidence, None).holds(rules.when)


def _cached(usage: Usage | None) -> bool:
    return usage is not None and usage.cache_read_tokens > 0


CACHED_TOKENS = Need(
    what="no case has tokens read from Claude's cache",
    is_likely=lambda case: any((each.usage or {}).get("cache_read_input_tokens") for each in case.script),
    is_met=lambda control_run: any(_cached(each.usage) for each in control_run.answered),
)


def _judges_output(case: Case) -> bool:
    return bool(case.expect.has_output or case.expect.values) and case.expect.error is None


OUTPUT_IS_JUDGED = Need(
    what="no case says what the output must be",
    is_likely=_judges_output,
    is_met=lambda control_run: _judges_output(control_run.case) and control_run.evidence.run.error is None,
)


def _script_is_plain(case: Case) -> bool:
    return bool(case.script) and not any(each.error or each.fault for each in case.script)


PLAIN_SCRIPT = Need(
    what="no case has answers of Claude without any error",
    is_likely=_script_is_plain,
    is_met=lambda control_run: _script_is_plain(control_run.case),
)


def demands(group: FieldGroup) -> Need:
    """Ask for a contract that demands a group of fields of each call."""
    return Need(
        what=f"no target's contract demands {group!r}",
        is_met=lambda control_run: group in control_run.contract.calls.demand,
    )


def logs(kind: str, *, exactly: bool = False, name: str = "*") -> Need:
    """Ask for a value that is logged and that the contract or the case asks for.

    Args:
        kind: ``metrics``, ``params``, ``tags`` or ``artifacts``.
        exactly: its value must be asked for, not only its name.
        name: glob for its name.
    """
    value = " with its value" if exactly else ""
    return Need(
        what=f"no case logs {kind} ({name}) that its contract or case asks for{value}",
        is_met=lambda control_run: bool(wanted_names(control_run, kind, exactly=exactly, name=name)),
    )


def wanted_names(control_run: ControlRun, kind: str, *, exactly: bool = False, name: str = "*") -> tuple[str, ...]:
    """Return the names of logged values that are asked for, in alphabetical order."""
    demanded = [each for each, is_exact in control_run.demanded(kind).items() if is_exact or not exactly]
    return tuple(
        each
        for each in _logged_names(control_run, kind)
        if fnmatchcase(each, name) and any(fnmatchcase(each, glob) for glob in demanded)
    )


def _logged_names(control_run: ControlRun, kind: str) -> tuple[str, ...]:
    if kind == "tags":
        return tuple(sorted({tag for trace in control_run.evidence.traces or () for tag in trace.tags}))
    return tuple(sorted(getattr(control_run.evidence.logged, kind, ())))


def another_case() -> Need:
    """Ask for another case of the same target that came to another answer."""
    return Need(
        what="the target has no other case with another output",
        is_met=lambda control_run: (
            control_run.other is not None and control_run.other.run.output != control_run.evidence.run.output
        ),
        wants_other=True,
    )


def nodes_are_judged(*orders: str) -> Need:
    """Ask for a case that says which nodes must run, by one of ``orders``, in a graph of several nodes."""

    def judges(case: Case) -> bool:
        return case.expect.nodes is not None and case.expect.nodes.order in orders

    return Need(
        what="no case says which nodes must run",
        is_likely=judges,
        is_met=lambda control_run: judges(control_run.case) and len(control_run.nodes) > 2,  # noqa: PLR2004  a first, a last, one between
    )
