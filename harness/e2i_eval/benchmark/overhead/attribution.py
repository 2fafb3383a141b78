"""Attribution: whether the server has every call, once, and each call's own in its own trace."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from e2i_eval.benchmark.overhead.pairing import VariantName
    from e2i_eval.core.trace import Trace

__all__ = ["CALL_KEY", "Attribution", "MarkedCall", "attributed"]

CALL_KEY = "e2i.call"
"""Name of the metadata and of the trace tag that carries a call's marker."""

MESSAGE_ID = re.compile(r"msg_\w+")
NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedCall:
    """A call that can be recognised among all others.

    Attributes:
        marker: unique in a measurement.
        variant: with or without logging.
        message_ids: ids of Claude's answers to this call.
    """

    marker: str
    variant: VariantName
    message_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """What the server's traces say of the calls.

    Attributes:
        wrong: what was lost, logged too often or mixed up, one sentence each.
        unattributed: number of traces that name no call.
        plain_logged: number of calls without logging that left a trace all the same.
    """

    wrong: tuple[str, ...]
    unattributed: int
    plain_logged: int


def attributed(calls: Sequence[MarkedCall], traces: Sequence[Trace]) -> Attribution:
    """Compare calls and traces; the first logged call, made alone, shows how many traces one leaves."""
    owner_of_id = {message: call.marker for call in calls for message in call.message_ids}
    owners = [_owners(trace, owner_of_id) for trace in traces]
    mixed = [(trace, named) for trace, named in zip(traces, owners, strict=True) if len(named) > 1]
    counts = Counter(next(iter(named)) for named in owners if len(named) == 1)
    logged = [call.marker for call in calls if call.variant == "logged"]
    each = max(1, counts[logged[0]]) if logged else 1
    unattributed = sum(not named for named in owners)
    wrong = [
        f"trace {trace.trace_id} holds parts of {len(named)} calls: {_listed(sorted(named))}" for trace, named in mixed
    ]
    if unattributed and not counts:
        wrong += _miscounted(len(traces), len(logged))
    else:
        mixed_up = {marker for _, named in mixed for marker in named}
        wrong += _lost([each_ for each_ in logged if counts[each_] < each and each_ not in mixed_up], len(logged))
        wrong += _repeated([each_ for each_ in logged if counts[each_] > each], len(logged))
    plain = {call.marker for call in calls if call.variant == "plain"}
    return Attribution(
        wrong=tuple(wrong), unattributed=unattributed, plain_logged=sum(bool(named & plain) for named in owners)
    )


def _owners(trace: Trace, owner_of_id: dict[str, str]) -> frozenset[str]:
    """Return the markers of the calls that a trace, or any span of it, says or shows to be of."""
    said = {str(trace.tags[CALL_KEY])} if trace.tags.get(CALL_KEY) else set()
    said |= {marker for span in trace.spans for marker in _markers(span.attributes)}
    text = json.dumps([[span.outputs, span.attributes] for span in trace.spans], default=str)
    return frozenset(said | {owner_of_id[found] for found in MESSAGE_ID.findall(text) if found in owner_of_id})


def _markers(attributes: Mapping[str, object]) -> Iterator[str]:
    for holder in (attributes, attributes.get("metadata")):
        if isinstance(holder, dict) and holder.get(CALL_KEY):
            yield str(holder[CALL_KEY])


def _lost(markers: Sequence[str], total: int) -> list[str]:
    return [f"{len(markers)} of {total} calls are not on the server: {_listed(markers)}"] if markers else []


def _repeated(markers: Sequence[str], total: int) -> list[str]:
    return [f"{len(markers)} of {total} calls are on the server more than once: {_listed(markers)}"] if markers else []


def _miscounted(traces: int, calls: int) -> list[str]:
    if calls and traces % calls == 0:
        return []
    return [f"the server has {traces} traces of {calls} calls, and none says of which"]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
