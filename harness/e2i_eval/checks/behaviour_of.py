"""From the evidence of a case to its behaviour: the part of it that is the same in every run."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from e2i_eval.checks.compare.arrangement import AtOnce, Happening
from e2i_eval.checks.contract.prompt_text import PromptText
from e2i_eval.checks.contract.wire_call import wire_calls
from e2i_eval.checks.expectations.nodes import nodes_run
from e2i_eval.core.behaviour import Behaviour, PromptCall
from e2i_eval.core.redaction import PATTERNS
from e2i_eval.core.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_eval.checks.compare.arrangement import Part
    from e2i_eval.checks.contract.wire_call import WireCall
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.trace import Trace

__all__ = ["behaviour_of", "observed", "prompt_measurements"]

NO_STEP = -1
BYTES_PER_TOKEN = 3.5
"""As the mock estimates where a script states no usage; no tokenizer, but it grows with the prompt."""


def behaviour_of(evidence: Evidence, patterns: Mapping[str, str] | None = None) -> Behaviour:
    """Return what the target did, in an order and in words that do not change from run to run.

    Calls come by node, then by step of the graph, then by prompt: of parallel branches it is chance which one asks
    first. Nodes of one step come by name.

    Args:
        evidence: what was seen on the wire and kept by the server.
        patterns: what secrets look like besides ``PATTERNS``, by kind: the contract's; neither these nor the session's
            secrets get into a behaviour, which is stored in reports and baselines.
    """
    text = PromptText.of(evidence, {**PATTERNS, **(patterns or {})})
    nodes = tuple(map(text.masked, _nodes(evidence.traces or ())))
    counts = Counter(nodes)
    error = evidence.run.error
    return Behaviour(
        calls=tuple(_prompt_call(call, text) for call in _in_fixed_order(wire_calls(evidence.exchanges), text)),
        nodes=nodes,
        loops=tuple(sorted((node, count) for node, count in counts.items() if count > 1)),
        error=error.type if error else "",
    )


def observed(
    evidence: Evidence, patterns: Mapping[str, str] | None = None
) -> tuple[Behaviour | None, tuple[Verdict, ...]]:
    """Return the behaviour, or None with the verdict that it could not be observed."""
    try:
        return behaviour_of(evidence, patterns), ()
    except Exception as error:  # noqa: BLE001  a request in a form nobody foresaw must not cost the case its verdicts
        reason = f"the behaviour could not be read: {type(error).__name__}: {error}"
        return None, (Verdict(check="behaviour", status="error", reason=reason),)


def prompt_measurements(behaviour: Behaviour | None) -> dict[str, float]:
    """Return ``prompt_tokens``: what was asked, estimated from its bytes, over all calls; nothing when unknown.

    A script may state ``input_tokens``, which then stay the same however the prompt grows; these never do.
    """
    if behaviour is None:
        return {}
    sizes = (len("\n".join(call.prompt).encode("utf-8", "replace")) for call in behaviour.calls)
    return {"prompt_tokens": float(sum(math.ceil(size / BYTES_PER_TOKEN) for size in sizes))}


def _in_fixed_order(calls: Sequence[WireCall], text: PromptText) -> list[WireCall]:
    def key(call: WireCall) -> tuple[str, int, tuple[str, ...]]:
        caller = call.final.caller
        return caller.node or "", NO_STEP if caller.step is None else caller.step, text.lines(call)

    return sorted(calls, key=key)


def _prompt_call(call: WireCall, text: PromptText) -> PromptCall:
    usage = call.usage
    return PromptCall(
        node=text.masked(call.final.caller.node or ""),
        model=text.masked(call.final.model),
        prompt=text.lines(call),
        input_tokens=usage.total_input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        cache_read_tokens=usage.cache_read_tokens if usage else 0,
        cache_write_tokens=usage.cache_write_tokens if usage else 0,
        requests=len(call.exchanges),
        tools=tuple(text.masked(part.name) for part in call.truth.reply or () if part.kind == "tool_use"),
        stop_reason=str(call.truth.stop_reason or ""),
    )


def _nodes(traces: Sequence[Trace]) -> tuple[str, ...]:
    return _flat(nodes_run(traces))


def _flat(part: Part) -> tuple[str, ...]:
    if isinstance(part, Happening):
        return (part.name,)
    branches = [_flat(each) for each in part.parts]
    if isinstance(part, AtOnce):
        branches.sort()
    return tuple(name for branch in branches for name in branch)
