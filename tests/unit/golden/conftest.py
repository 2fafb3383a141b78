"""Builders of case files and of evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from e2i_eval.checks.expectations import golden_checks
from e2i_eval.core.case import Case, Expectation
from e2i_eval.core.evidence import Evidence
from e2i_eval.core.exchange import Caller, Exchange, Usage, WireError
from e2i_eval.core.run import Run, RunError
from e2i_eval.core.trace import Logged, Span, Trace
from e2i_eval.dataset.case_file.reader import read_case

if TYPE_CHECKING:
    from pathlib import Path

    from e2i_eval.checks.expectations.spending import Price
    from e2i_eval.core.verdict import Verdict

ReadText: TypeAlias = Callable[..., Case]
Judge: TypeAlias = "Callable[..., Verdict]"


@pytest.fixture
def read_text(tmp_path: Path) -> ReadText:
    """Read a text as the case file ``golden/cases/support/refund.yaml`` of a project with the target ``support``."""
    folder = tmp_path / "golden" / "cases" / "support"
    folder.mkdir(parents=True)

    def read(text: str | bytes) -> Case:
        path = folder / "refund.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_case(path, root=tmp_path, known_targets=("support", "billing"))

    return read


@pytest.fixture
def make_evidence() -> Callable[..., Evidence]:
    """Return evidence of a case that returned ``output`` after 100 ms."""

    def make(expect: Expectation, output: object = None, error: RunError | None = None, **more: Any) -> Evidence:  # noqa: ANN401  any field of Evidence
        case = Case(id="support/refund", target="support", inputs={}, expect=expect)
        run = Run(output=output, error=error, started_at_s=0.0, duration_s=0.1)
        return Evidence(case=case, run=run, **more)

    return make


@pytest.fixture
def judge(make_evidence: Callable[..., Evidence]) -> Judge:
    """Judge evidence by the one golden check that its case asks for beside ``completed``."""

    def judge_it(expect: Expectation, *, price: Price | None = None, **evidence: Any) -> Verdict:  # noqa: ANN401  any field of Evidence
        gathered = make_evidence(expect, **evidence)
        *_, check = golden_checks(gathered.case, price=price)
        return check.judge(gathered)

    return judge_it


@pytest.fixture
def node_trace() -> Callable[..., Trace]:
    """Return a trace of LangGraph nodes, each ``(id, parent, name, step)``, beneath a graph."""

    def make(*nodes: tuple[str, str, str, int | None], trace_id: str = "tr-1", at_s: float = 0.0) -> Trace:
        root = _span("graph", None, "LangGraph", 0, {})
        spans = (
            _span(span_id, parent, name, at, {"metadata": {"langgraph_node": name, "langgraph_step": step}})
            for at, (span_id, parent, name, step) in enumerate(nodes, 1)
        )
        return Trace(
            trace_id=trace_id, state="OK", experiment_id="0", started_at_s=at_s, duration_s=1.0, spans=(root, *spans)
        )

    return make


def _span(span_id: str, parent: str | None, name: str, at: int, attributes: dict[str, Any]) -> Span:
    return Span(
        span_id=span_id,
        parent_id=parent,
        name=name,
        type="CHAIN",
        status="OK",
        started_at_s=float(at),
        duration_s=1.0,
        attributes=attributes,
    )


@pytest.fixture
def exchange() -> Callable[..., Exchange]:
    """Return an exchange in which Claude made the given tool calls."""

    def make(
        *tools: tuple[str, dict[str, Any]],
        index: int = 0,
        call: int | None = None,
        node: str | None = "act",
        step: int | None = None,
        usage: Usage | None = None,
        **more: Any,  # noqa: ANN401  any field of Exchange
    ) -> Exchange:
        content = [{"type": "tool_use", "id": "t", "name": name, "input": given} for name, given in tools]
        fields = {
            "request": {"model": "claude-sonnet-5-5"},
            "response": {"content": [{"type": "text", "text": "so"}, *content]},
            "status": 200,
            **more,
        }
        return Exchange(
            index=index,
            call=index if call is None else call,
            attempt=0,
            caller=Caller(node=node, step=step, namespace=node),
            started_at_s=float(index),
            duration_s=0.1,
            usage=usage,
            **fields,
        )

    return make


@pytest.fixture
def failed_exchange(exchange: Callable[..., Exchange]) -> Callable[..., Exchange]:
    """Return an exchange that failed."""

    def make(error: str, *, status: int | None, **more: Any) -> Exchange:  # noqa: ANN401  any field of Exchange
        return exchange(status=status, error=WireError(type=error, message="failed"), response=None, **more)

    return make


@pytest.fixture
def logged() -> Callable[..., Logged]:
    """Return what the server keeps of a run."""

    def make(**fields: Any) -> Logged:  # noqa: ANN401  any field of Logged
        return Logged(run_id="run", status="FINISHED", **fields)

    return make


@pytest.fixture
def raised() -> Callable[..., RunError]:
    """Return an error that a target raised."""

    def make(name: str = "ValueError", message: str = "no such brand", *, bases: Iterable[str] = ()) -> RunError:
        traceback = (
            "Traceback (most recent call last):\n"
            '  File "/opt/venv/lib/python3.11/site-packages/langgraph/pregel/main.py", line 9, in invoke\n'
            "    for chunk in self.stream(\n"
            '  File "/home/me/shop/agents.py", line 41, in plan\n'
            "    return brands[name]\n"
            '  File "/opt/venv/lib/python3.11/site-packages/box/box.py", line 3, in __getitem__\n'
            "    raise ValueError(name)\n"
            f"{name}: {message}\n"
        )
        return RunError(type=name, bases=tuple(bases), message=message, traceback=traceback)

    return make
