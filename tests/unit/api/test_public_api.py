"""The public API, pinned name by name: a change is seen by whoever reviews it, and belongs into CHANGELOG.md."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

import e2i_eval

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "api.md"
API = """
Case
    id: str
    target: str
    inputs: JsonObject
    script: tuple[ScriptedAnswer, ...] = ()
    expect: Expectation = Expectation()
    checks: tuple[Callable[..., object] | str, ...] = ()
    description: str = ''
    tags: tuple[str, ...] = ()
    path: Path | None = None
    lines: Mapping[str, int] = made anew
    where(self, key: 'str' = '') -> 'str'
Check
    __call__(self, evidence: 'Evidence', /) -> 'Verdict | None'
Evidence
    case: Case
    run: Run
    exchanges: tuple[Exchange, ...] = ()
    notes: tuple[WireNote, ...] = ()
    traces: tuple[Trace, ...] | None = None
    logged: Logged | None = None
    unknown: str = ''
    secrets: tuple[str, ...] = ()
Exchange
    index: int
    call: int
    attempt: int
    caller: Caller
    request: JsonObject
    response: JsonObject | None
    status: int | None
    started_at_s: float
    duration_s: float
    kind: ExchangeKind = 'messages'
    streamed: bool = False
    complete: bool = True
    usage: Usage | None = None
    error: WireError | None = None
    request_id: str | None = None
    first_event_s: float | None = None
    virtual_s: float = 0.0
    waited_s: float = 0.0
    source: ExchangeSource = 'script'
    model -> str
Finding
    message: str
    field: str
    expected: str | None = None
    actual: str | None = None
    call: str | None = None
    span: str | None = None
    where: str | None = None
Run
    output: JsonValue
    error: RunError | None
    started_at_s: float
    duration_s: float
    flush_s: float = 0.0
Trace
    trace_id: str
    state: str
    experiment_id: str
    started_at_s: float
    duration_s: float | None
    tags: Mapping[str, str] = made anew
    metadata: Mapping[str, str] = made anew
    spans: tuple[Span, ...] = ()
    tokens: TokenTotals | None = None
    request_preview: str = ''
    response_preview: str = ''
    root -> Span | None
    ancestors(self, span: 'Span') -> 'Iterator[Span]'
    nodes(self) -> 'tuple[str, ...]'
    node_spans(self) -> 'tuple[Span, ...]'
Verdict
    check: str = ''
    status: Status
    reason: str = ''
    findings: tuple[Finding, ...] = ()
    score: float | None = None
    by: str = ''
    is_broken_judge -> bool
    to_json(self) -> 'dict[str, object]'
check(function: 'Check | None' = None, /, *, name: 'str' = '') -> 'NamedCheck | Callable[[Check], NamedCheck]'
check.NamedCheck
    name: str
    judge: Callable[[Evidence], Verdict]
    function: Check | None = None
    __call__(self, evidence: 'Evidence', /) -> 'Verdict'
exchange.Caller
    node: str | None = None
    step: int | None = None
    namespace: str | None = None
exchange.ExchangeKind = messages, count_tokens
exchange.ExchangeSource = script, cassette, api
exchange.Usage
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    estimated: bool = False
    cache_write_tokens -> int
    total_input_tokens -> int
    total_tokens -> int
exchange.WireError
    type: str
    message: str
exchange.WireNote
    kind: WireNoteKind
    message: str
    line: int = 0
    entries: tuple[int, ...] = ()
exchange.WireNoteKind = miss, leftover, unknown_field, blocked, cassette, budget
run.RunError
    type: str
    bases: tuple[str, ...]
    message: str
    traceback: str
trace.Logged
    run_id: str
    status: str
    metrics: Mapping[str, float] = made anew
    params: Mapping[str, str] = made anew
    tags: Mapping[str, str] = made anew
    artifacts: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
trace.Span
    span_id: str
    parent_id: str | None
    name: str
    type: str
    status: str
    started_at_s: float
    duration_s: float | None
    status_message: str = ''
    inputs: JsonValue = None
    outputs: JsonValue = None
    attributes: JsonObject = made anew
    events: tuple[SpanEvent, ...] = ()
    tokens: TokenTotals | None = None
    node -> str | None
    node_place -> str
trace.SpanEvent
    name: str
    attributes: JsonObject
trace.TokenTotals
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
verdict.Status = pass, fail, error, skip
"""
REACHED = {
    "check": ("NamedCheck",),
    "exchange": ("Caller", "ExchangeKind", "ExchangeSource", "Usage", "WireError", "WireNote", "WireNoteKind"),
    "run": ("RunError",),
    "trace": ("Logged", "Span", "SpanEvent", "TokenTotals"),
    "verdict": ("Status",),
}
"""By module below ``core`` the types of what the fields of evidence hold, and of what ``check`` returns."""

HEAVY = {"mlflow", "anthropic", "langgraph", "langchain_core", "numpy", "pydantic", "scipy", "yaml", "pytest"}


def described(name: str, value: object) -> Iterator[str]:
    """Yield a name with its parameters, or with its fields, properties and methods, a line each."""
    if words := get_args(value):
        yield f"{name} = {', '.join(map(str, words))}"
        return
    if not inspect.isclass(value):
        assert callable(value)
        yield f"{name}{inspect.signature(value)}"
        return
    yield name
    fields = dataclasses.fields(value) if dataclasses.is_dataclass(value) else ()
    for field in fields:
        usual = f"{type(field.default).__name__}()" if dataclasses.is_dataclass(field.default) else repr(field.default)
        given = "" if field.default is dataclasses.MISSING else f" = {usual}"
        made = "" if field.default_factory is dataclasses.MISSING else " = made anew"
        yield f"    {field.name}: {field.type}{given}{made}"
    for member, what in vars(value).items():
        if isinstance(what, property):
            yield f"    {member} -> {inspect.signature(what.fget).return_annotation}" if what.fget else member
        elif isinstance(what, classmethod):
            yield f"    {member}{inspect.signature(what.__func__)}"
        elif inspect.isfunction(what) and (member == "__call__" or not member.startswith("_")):
            yield f"    {member}{inspect.signature(what)}"


def api() -> Iterator[str]:
    """Yield the whole API, a line each."""
    for name in e2i_eval.__all__:
        if name != "__version__":
            yield from described(name, getattr(e2i_eval, name))
    for module, names in REACHED.items():
        for name in names:
            yield from described(f"{module}.{name}", getattr(importlib.import_module(f"e2i_eval.core.{module}"), name))


def test_the_api_is_what_was_agreed_on() -> None:
    """Whoever changes a line here changes code of others: see the page for what may change when."""
    assert list(api()) == API.strip("\n").splitlines()


def test_the_page_names_all_of_it() -> None:
    """Every name has a row, and no row names anything else."""
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), flags=re.MULTILINE)

    assert sorted(rows) == sorted(e2i_eval.__all__)
    assert {name for name in dir(e2i_eval) if not name.startswith("_")} >= set(e2i_eval.__all__) - {"__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of every module."""
    with pytest.raises(AttributeError, match="module 'e2i_eval' has no attribute 'Chekc'"):
        _ = e2i_eval.Chekc  # type: ignore[attr-defined]


@pytest.mark.parametrize("statement", ["import e2i_eval", "from e2i_eval import *"])
def test_importing_it_imports_nothing_heavy(statement: str) -> None:
    """The package alone imports no module at all; its names bring the standard library."""
    program = f"import sys; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-I", "-c", program], check=True, capture_output=True, text=True)
    modules = set(done.stdout.split())

    assert "e2i_eval" in modules
    assert not {name.partition(".")[0] for name in modules} & HEAVY
    if statement == "import e2i_eval":
        assert {name for name in modules if name.startswith("e2i_eval")} == {"e2i_eval"}
        assert not modules & {"typing", "dataclasses", "importlib.resources"}
