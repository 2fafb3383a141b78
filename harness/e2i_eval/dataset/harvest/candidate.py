"""A candidate: what a stored trace becomes, before a person has looked at it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from e2i_eval.checks.contract.model_call import canonical
from e2i_eval.dataset.harvest.answer import Failure, HarvestedMessage
from e2i_eval.dataset.harvest.call import HarvestedCall, harvested_calls
from e2i_eval.dataset.harvest.origin import CaseOrigin, origin_of
from e2i_eval.dataset.harvest.personal import Pseudonyms
from e2i_eval.dataset.harvest.volatile import Uncompared, day_in, uncompared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from e2i_eval.checks.contract import Contract
    from e2i_eval.core.json_value import JsonObject, JsonValue
    from e2i_eval.core.trace import Span, Trace

__all__ = ["Candidate", "Unfit", "candidate_of"]

WRAPPERS = frozenset({"inputs", "input", "state", "request"})
"""Names of the one argument of a function that was traced by hand; a target is called with what is in it."""

SLUG_CHARS = 40
ID_CHARS = 8
UNTELLING = frozenset({"id", "signature"})
"""Keys of a block that are others in every run."""

UNFINISHED = frozenset({"IN_PROGRESS", "STATE_UNSPECIFIED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """The error a call of the target ended in: class name, and text."""

    type: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """A trace no case can be made of, and why."""

    trace_id: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A case in the making; nothing in it is a secret or reveals who a person is.

    Attributes:
        target: name of the target.
        inputs: what it was called with.
        output: what it returned; None when it raised, too.
        has_output: the trace records what it returned.
        error: what it raised; None when it returned.
        nodes: LangGraph nodes that ran, in order of start; empty when the trace names none.
        calls: its calls to Claude, in order of start.
        origin: the trace.
        missing: what the trace does not record, for a person; with any of it there is no cassette.
        assumed: what was filled in, for a person.
        uncompared: values of the output that another run cannot give again.
        is_parallel: nodes ran beside each other, so that their order means nothing.
        warnings: why the case may come out differently, for a person.
        replaced: how many values were replaced by stand-ins, by kind.
    """

    target: str
    inputs: JsonObject
    output: JsonValue
    has_output: bool
    error: Raised | None
    nodes: tuple[str, ...]
    calls: tuple[HarvestedCall, ...]
    origin: CaseOrigin
    missing: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    uncompared: tuple[Uncompared, ...] = ()
    is_parallel: bool = False
    warnings: tuple[str, ...] = ()
    replaced: tuple[tuple[str, int], ...] = ()

    @property
    def name(self) -> str:
        """The case's name: words of its inputs, and the beginning of the trace's id."""
        words = next((text for text in _texts(self.inputs) if re.search(r"\w", text)), "case")
        slug = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:SLUG_CHARS].strip("-")
        return f"{slug or 'case'}-{self.origin.trace.removeprefix('tr-')[:ID_CHARS]}"

    @property
    def case_id(self) -> str:
        """The case's id."""
        return f"{self.target}/{self.name}"

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools Claude called, in order."""
        said = (call.answer for call in self.calls if isinstance(call.answer, HarvestedMessage))
        return tuple(
            str(block["name"]) for answer in said for block in answer.content if block.get("type") == "tool_use"
        )

    @property
    def has_cassette(self) -> bool:
        """Everything that was asked of Claude is known word by word."""
        return bool(self.calls) and not self.missing

    @property
    def searched(self) -> JsonValue:
        """Everything that will be written, as one JSON value."""
        said: list[Any] = [self.inputs, self.output, [self.error.type, self.error.message] if self.error else None]
        for call in self.calls:
            answer = call.answer
            content = [*answer.content] if isinstance(answer, HarvestedMessage) else [answer.message] if answer else []
            said += [dict(call.request), content]
        return said

    @property
    def digest(self) -> str:
        """Equal for traces of the same inputs and the same behaviour: path, tools, outcome, answers of Claude."""
        outcome = [self.error.type] if self.error else [self.output]
        said = [_behaviour(call) for call in self.calls]
        whole = [self.target, _plain(self.inputs), _plain(outcome), sorted(self.nodes), sorted(said)]
        return hashlib.blake2b(canonical(whole).encode(), digest_size=16).hexdigest()


def candidate_of(
    trace: Trace, *, target: str, contract: Contract, tracking_uri: str, secrets: Iterable[str] = ()
) -> Candidate | Unfit:
    """Return what a trace becomes, scrubbed; or why it becomes nothing."""
    root = trace.root
    if root is None or trace.state in UNFINISHED:
        return Unfit(trace_id=trace.trace_id, why="the trace is not complete" if root else "the trace has no spans")
    inputs = _inputs(root)
    if inputs is None:
        return Unfit(trace_id=trace.trace_id, why="its root span does not record what the target was called with")
    names = Pseudonyms(secrets, contract.secrets.patterns)
    calls = tuple(_scrubbed(call, names) for call in harvested_calls(trace, contract.calls.other_models))
    placeholder = _placeholder(contract)
    output = names.of(root.outputs)
    error = _raised(root, names) if root.status == "ERROR" or trace.state == "ERROR" else None
    return Candidate(
        target=target,
        inputs=names.of(inputs),
        output=None if error else output,
        has_output=error is None and root.outputs is not None,
        error=error,
        nodes=trace.nodes(),
        calls=calls,
        origin=origin_of(trace, tracking_uri),
        missing=tuple(dict.fromkeys(_missing(calls, inputs, placeholder))),
        assumed=tuple(dict.fromkeys(note for call in calls for note in call.assumed)),
        uncompared=() if error else uncompared(output, trace, placeholder),
        is_parallel=_is_parallel(trace),
        warnings=tuple(dict.fromkeys(_warnings(trace, calls, inputs))),
        replaced=tuple(names.replaced.items()),
    )


def _inputs(root: Span) -> JsonObject | None:
    inputs = root.inputs
    if not isinstance(inputs, dict):
        return None
    if len(inputs) == 1:
        ((name, inner),) = inputs.items()
        if name in WRAPPERS and isinstance(inner, dict):
            return inner
    return inputs


def _raised(root: Span, names: Pseudonyms) -> Raised:
    stated = next((event.attributes for event in root.events if event.name == "exception"), {})
    message = str(stated.get("exception.message") or root.status_message)
    kind = str(stated.get("exception.type") or "").rpartition(".")[2]
    return Raised(type=kind, message=names.text(message))


def _scrubbed(call: HarvestedCall, names: Pseudonyms) -> HarvestedCall:
    answer = call.answer
    if isinstance(answer, HarvestedMessage):
        answer = replace(answer, content=tuple(names.of(answer.content)))
    elif isinstance(answer, Failure):
        answer = replace(answer, message=names.text(answer.message))
    return replace(call, request=names.of(call.request), answer=answer)


def _placeholder(contract: Contract) -> re.Pattern[str] | None:
    """Return what stands for text the logging must not keep; None when the contract names nothing."""
    stated = contract.calls.redacted
    return re.compile("|".join(f"(?:{each})" for each in stated)) if stated else None


def _missing(calls: Iterable[HarvestedCall], inputs: JsonObject, placeholder: re.Pattern[str] | None) -> Iterator[str]:
    is_asked_hidden = placeholder is not None and any(placeholder.search(text) for text in _texts(inputs))
    for number, call in enumerate(calls, 1):
        where = f"call {number}" + (f" (node {call.node!r})" if call.node else "")
        yield from (f"{where}: {note}" for note in call.missing)
        if placeholder and not is_asked_hidden and any(placeholder.search(text) for text in _texts(call.request)):
            yield f"{where}: the logging kept a placeholder in place of a part of the prompt"


def _is_parallel(trace: Trace) -> bool:
    """Tell whether several nodes ran in one step of one graph."""
    steps = Counter(_step(span) for span in trace.node_spans())
    return any(count > 1 for step, count in steps.items() if step is not None)


def _step(span: Span) -> tuple[str, str] | None:
    """Return the graph and the step a node ran in; None when the span does not say."""
    holders = (span.attributes, span.attributes.get("metadata"))
    stated = next((each for each in holders if isinstance(each, dict) and "langgraph_step" in each), None)
    if stated is None:
        return None
    return str(stated.get("langgraph_checkpoint_ns", "")).rpartition("|")[0], str(stated["langgraph_step"])


def _warnings(trace: Trace, calls: Iterable[HarvestedCall], inputs: JsonObject) -> Iterator[str]:
    if case_id := trace.tags.get("mlflow.test.case_id"):
        yield f"the trace was made in an evaluation, of {case_id}, which may have altered the agent"
    for call in calls:
        if day := day_in(call.request, inputs, trace):
            yield f"the agent reads the clock: its prompt holds the day of the trace, {day}"


def _behaviour(call: HarvestedCall) -> str:
    answer = call.answer
    if isinstance(answer, HarvestedMessage):
        blocks = [{name: block[name] for name in block.keys() - UNTELLING} for block in answer.content]
        return canonical([call.node, blocks, answer.stop_reason])
    return canonical([call.node, answer.status, answer.kind] if answer else [call.node, None])


def _plain(value: JsonValue) -> JsonValue:
    """Return a value with its texts as a reader takes them: case and blanks make no difference."""
    if isinstance(value, str):
        return " ".join(value.split()).casefold()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
