"""Every agent of the platform logs to MLflow: read back from a real server, and held against the wire to Claude."""

from __future__ import annotations

import importlib
import json
import os
import tempfile
import tomllib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlflow import MlflowClient

from e2i import app
from e2i.config import agent_config
from e2i.mlops import call_queue
from e2i.mlops.redaction import redact
from e2i_eval.claude import ClaudeWire
from e2i_eval.core.case import Case, ScriptedError
from e2i_eval.core.clock import SystemClock
from e2i_eval.dataset.case_file.reader import read_case
from e2i_eval.tracking import TemporaryServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow.entities import Run, Span, Trace

    from e2i.config import AgentConfig
    from e2i_eval.core.case import ScriptedAnswer
    from e2i_eval.core.exchange import Exchange

ROOT = Path(__file__).parents[2]
CASES = ROOT / "golden" / "cases"
ENTRIES: dict[str, str] = {
    name: target["entry"]
    for name, target in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["e2i_eval"]["targets"].items()
}
SERVER_START_TIMEOUT_S = 180.0
UNAUTHORISED = ScriptedError(status=401, message="invalid bearer token")
RATE_LIMITED = ScriptedError(status=429, retry_after_s=0.001)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One call of an agent: what its caller got, what was on the wire, and what the server kept."""

    config: AgentConfig
    inputs: dict[str, Any]
    output: Any
    """As JSON; None when the call raised."""
    error: Exception | None
    exchanges: tuple[Exchange, ...]
    traces: tuple[Trace, ...]
    runs: tuple[Run, ...]
    linked: tuple[str, ...]
    """Traces that the server shows under the runs."""
    experiment: str
    files: dict[str, Any]
    """Content of the run's JSON artifacts, and None for each other one, by path."""

    @property
    def trace(self) -> Trace:
        """The call's only trace."""
        (trace,) = self.traces
        return trace

    @property
    def run(self) -> Run:
        """The call's only run."""
        (run,) = self.runs
        return run

    @property
    def spans(self) -> list[Span]:
        """The trace's spans, the oldest first."""
        return sorted(self.trace.data.spans, key=lambda span: int(span.start_time_ns))

    @property
    def model_spans(self) -> list[Span]:
        """The spans of calls to Claude."""
        return [span for span in self.spans if span.span_type == "CHAT_MODEL"]

    @property
    def last_attempts(self) -> list[Exchange]:
        """The exchange that ended each call to Claude."""
        return list({exchange.call: exchange for exchange in self.exchanges}.values())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporaryServer]:
    """A tracking server with a fresh store."""
    cache = Path(tempfile.gettempdir()) / "e2i-eval-test-cache"
    started = TemporaryServer.start(store=tmp_path_factory.mktemp("agents") / "store", cache=cache, environ=os.environ)
    started.wait_ready(SERVER_START_TIMEOUT_S)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def call(server: TemporaryServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Logged]]:
    """Return a function that calls a target as the platform builds it, and reads what the server kept of the call."""
    wire = ClaudeWire(mode="mock", environ=os.environ, clock=SystemClock())
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "E2I_MLFLOW_ENABLED"):
            patch.delenv(name, raising=False)
        patch.setenv("MLFLOW_TRACKING_URI", server.uri)
        patch.setenv("E2I_MLFLOW_READ_TIMEOUT_S", "30")
        patch.setenv("E2I_SPOOL_DIR", str(tmp_path_factory.mktemp("spool")))
        wire.start()
        yield lambda case, kind: _called(case, kind, wire, tmp_path_factory.mktemp("artifacts"))
        wire.stop()
        call_queue.close()


@pytest.fixture(scope="module", params=ENTRIES)
def case(request: pytest.FixtureRequest) -> Case:
    """The golden that shows a target at its usual work: Claude is asked and answers."""
    return _usual_case(request.param)


@pytest.fixture(scope="module")
def answered(case: Case, call: Callable[..., Logged]) -> Logged:
    """A call in which all goes well."""
    logged = call(case, "answered")
    if logged.error is not None:
        raise logged.error
    return logged


@pytest.fixture(scope="module")
def refused(case: Case, call: Callable[..., Logged]) -> Logged:
    """The same call with a key that Claude does not accept."""
    script = tuple(replace(answer, content=(), usage=None, contains=None, error=UNAUTHORISED) for answer in case.script)
    return call(replace(case, script=script), "refused")


@pytest.fixture(scope="module")
def retried(case: Case, call: Callable[..., Logged]) -> Logged:
    """The same call, Claude limiting the rate of the first request."""
    first = replace(case.script[0], content=(), usage=None, error=RATE_LIMITED)
    return call(replace(case, script=(first, *case.script)), "retried")


def test_every_agent_is_a_target() -> None:
    """What the platform exposes, what has a configuration and what is evaluated (so: tested here) are the same."""
    exposed = {name for name in app.__all__ if name != "flush" and not name.startswith("plain_")}
    configured = {path.stem for path in (ROOT / "fixtures" / "e2i" / "config" / "agents").glob("*.yaml")}

    assert exposed == configured == set(ENTRIES)


def test_a_call_is_one_finished_trace(answered: Logged) -> None:
    """The trace is complete, named after the agent, and its root is the agent's span."""
    assert answered.trace.info.state == "OK"
    assert answered.trace.info.tags["mlflow.traceName"] == answered.config.agent
    (root,) = [span for span in answered.spans if span.parent_id is None]
    assert (root.name, root.span_type) == (answered.config.agent, "AGENT")
    assert all(span.end_time_ns and span.end_time_ns >= span.start_time_ns for span in answered.spans)
    assert {span.status.status_code for span in answered.spans} == {"OK"}


def test_prompts_are_captured(answered: Logged) -> None:
    """Every text that went to Claude is in a model span's inputs, every text that came back in its outputs."""
    asked = Counter(_request_texts(exchange.request) for exchange in answered.last_attempts)
    told = Counter(_answer_texts(exchange.response or {}) for exchange in answered.last_attempts)

    assert asked
    assert Counter(_request_texts(span.inputs) for span in answered.model_spans) == asked
    assert Counter(_answer_texts(span.outputs) for span in answered.model_spans) == told
    assert {span.inputs["model"] for span in answered.model_spans} == {item.model for item in answered.exchanges}


def test_inputs_and_output_are_captured(answered: Logged) -> None:
    """The root span holds what the agent was asked and what it answered."""
    (root,) = [span for span in answered.spans if span.parent_id is None]
    kept = {name: root.inputs.get(name) for name in answered.inputs}

    assert kept == redact(answered.inputs)
    assert root.outputs == redact(answered.output)


def test_tokens_are_counted(answered: Logged) -> None:
    """Each span has its call's usage, the trace and the run their sum, as the wire has it."""
    usages = [exchange.usage for exchange in answered.last_attempts if exchange.usage]
    tokens = (sum(usage.total_input_tokens for usage in usages), sum(usage.output_tokens for usage in usages))
    spans = Counter(
        (used["input_tokens"], used["output_tokens"], used["cache_read_input_tokens"])
        for span in answered.model_spans
        if (used := span.attributes["mlflow.chat.tokenUsage"])
    )
    total = json.loads(answered.trace.info.trace_metadata["mlflow.trace.tokenUsage"])

    assert min(tokens) > 0
    assert spans == Counter((use.total_input_tokens, use.output_tokens, use.cache_read_tokens) for use in usages)
    assert (total["input_tokens"], total["output_tokens"]) == tokens
    assert (answered.run.data.metrics["input_tokens"], answered.run.data.metrics["output_tokens"]) == tokens
    assert answered.run.data.metrics["cost_usd"] > 0
    assert answered.run.data.metrics["latency_ms"] > 0


def test_custom_metrics_are_logged(answered: Logged) -> None:
    """Every number that the agent's configuration names is on its run; one that the output gives as null is not."""
    expected = {name: _at(answered.output, path) for name, path in answered.config.metrics.items()}
    numbers = {name: float(value) for name, value in expected.items() if value is not None}
    logged = {name: value for name, value in answered.run.data.metrics.items() if name in answered.config.metrics}

    assert numbers
    assert logged == pytest.approx(numbers)


def test_params_are_logged(answered: Logged) -> None:
    """The run says under which model, limit and prompt versions the answer was made."""
    config = answered.config
    expected = {"model": config.model, "max_tokens": str(config.max_tokens)}
    expected |= {f"prompt/{name}": version for name, version in config.prompts.items()}

    assert expected.items() <= answered.run.data.params.items()


def test_artifacts_are_logged(answered: Logged) -> None:
    """The run has the files that the configuration names, with the output's content."""
    artifacts = answered.config.artifacts

    assert artifacts
    assert answered.files.keys() >= artifacts.keys() | answered.config.figures.keys()
    for name, path in artifacts.items():
        assert answered.files[name] == redact(_at(answered.output, path))


def test_tags_say_what_ran(answered: Logged) -> None:
    """Trace and run carry agent, tier, brand, use case, versions and provenance."""
    config = answered.config
    expected = {
        "e2i.agent": config.agent,
        "e2i.tier": str(config.tier),
        "e2i.use_case": config.use_case,
        "e2i.config_version": config.config_version,
        "e2i.prompt_version": ",".join(f"{name}={version}" for name, version in sorted(config.prompts.items())),
        "e2i.provenance": answered.output["provenance"],
        **({"e2i.brand": brand} if (brand := answered.inputs.get("brand")) else {}),
    }

    assert expected.items() <= answered.trace.info.tags.items()
    assert expected.items() <= answered.run.data.tags.items()
    assert answered.trace.info.tags["e2i.git_sha"]


def test_the_call_is_where_it_belongs(answered: Logged) -> None:
    """Experiment, run status, and the link between trace and run."""
    config = answered.config
    brand = answered.inputs.get("brand") or "all-brands"
    named = config.mlflow_experiment.format(brand=brand, tier=config.tier, agent=config.agent, use_case=config.use_case)

    assert answered.experiment == named
    assert answered.run.info.status == "FINISHED"
    assert answered.linked == (answered.trace.info.trace_id,)


def test_a_refused_key_is_logged_as_what_it_is(refused: Logged) -> None:
    """Each refused request is a failed model span with its status; trace and run end as the call did."""
    failures = [span for span in refused.model_spans if span.status.status_code == "ERROR"]

    assert refused.exchanges
    assert {exchange.status for exchange in refused.exchanges} == {401}
    assert [span.attributes["e2i.http_status"] for span in failures] == [401] * len(refused.last_attempts)
    assert len(failures) == len(refused.model_spans)
    assert refused.trace.info.state == ("ERROR" if refused.error else "OK")
    assert refused.run.info.status == ("FAILED" if refused.error else "FINISHED")
    assert refused.run.data.metrics["input_tokens"] == 0
    if refused.error:
        told = [event.attributes for span in refused.spans if span.parent_id is None for event in span.events]
        assert [event["exception.type"] for event in told] == [type(refused.error).__name__]
        assert str(UNAUTHORISED.message) in str(told[0]["exception.message"])


def test_the_prompt_of_a_failed_call_is_captured(refused: Logged) -> None:
    """What Claude was asked is known also where it did not answer."""
    asked = Counter(_request_texts(exchange.request) for exchange in refused.last_attempts)

    assert Counter(_request_texts(span.inputs) for span in refused.model_spans) == asked


def test_a_retry_is_part_of_its_call(answered: Logged, retried: Logged) -> None:
    """A request that was limited and sent again is one model span, and its tokens count once."""
    assert len(retried.exchanges) == len(answered.exchanges) + 1
    assert retried.error is None
    assert retried.trace.info.state == "OK"
    assert len(retried.model_spans) == len(answered.model_spans)
    assert {span.status.status_code for span in retried.model_spans} == {"OK"}
    assert retried.run.data.metrics["input_tokens"] == answered.run.data.metrics["input_tokens"]
    assert retried.run.data.metrics["output_tokens"] == answered.run.data.metrics["output_tokens"]


def _usual_case(target: str) -> Case:
    """Return the first golden in which Claude answers and nothing fails, one tagged ``smoke`` before others."""
    paths = sorted((CASES / target).glob("*.yaml"))
    cases = [read_case(path, root=CASES.parent, known_targets=list(ENTRIES)) for path in paths]
    usual = [case for case in cases if case.script and not case.expect.error and not any(map(_fails, case.script))]
    if not usual:
        pytest.fail(f"no golden of {target} has Claude answering; add one to golden/cases/{target}")
    return min(usual, key=lambda case: "smoke" not in case.tags)


def _fails(answer: ScriptedAnswer) -> bool:
    return answer.error is not None or answer.fault is not None


def _called(case: Case, kind: str, wire: ClaudeWire, folder: Path) -> Logged:
    """Call the case's target under a session of its own, by which its trace is found again."""
    module, _, attribute = ENTRIES[case.target].partition(":")
    target = getattr(importlib.import_module(module), attribute)()
    session = f"{case.target}-{kind}"
    output: Any = None
    error: Exception | None = None
    with wire.capture(case) as capture:
        try:
            output = target.invoke(case.inputs, config={"metadata": {"session_id": session}})
        except Exception as raised:  # noqa: BLE001  what an agent raises is what is tested
            error = raised
    app.flush()
    return _read(case, session, capture.exchanges, json.loads(json.dumps(output, default=str)), error, folder)


def _read(
    case: Case,
    session: str,
    exchanges: tuple[Exchange, ...],
    output: Any,  # noqa: ANN401  any JSON
    error: Exception | None,
    folder: Path,
) -> Logged:
    client = MlflowClient(os.environ["MLFLOW_TRACKING_URI"])
    names = {experiment.experiment_id: experiment.name for experiment in client.search_experiments()}
    traces = client.search_traces(
        locations=list(names), filter_string=f"metadata.`mlflow.trace.session` = '{session}'", max_results=10
    )
    tags = [f"tags.`e2i.trace_id` = '{trace.info.trace_id}'" for trace in traces]
    runs = [run for tag in tags for run in client.search_runs(list(names), filter_string=tag)]
    for run in runs:
        client.download_artifacts(run.info.run_id, "", str(folder))
    return Logged(
        config=agent_config(case.target),
        inputs=dict(case.inputs),
        output=output,
        error=error,
        exchanges=exchanges,
        traces=tuple(traces),
        runs=tuple(runs),
        linked=tuple(
            trace.info.trace_id
            for run in runs
            for trace in client.search_traces(locations=[run.info.experiment_id], run_id=run.info.run_id)
        ),
        experiment=", ".join(names[run.info.experiment_id] for run in runs),
        files={str(path.relative_to(folder)): _content(path) for path in folder.rglob("*") if path.is_file()},
    )


def _content(path: Path) -> Any:  # noqa: ANN401  any JSON
    return json.loads(path.read_text(encoding="utf-8")) if path.suffix == ".json" else None


def _at(value: Any, path: str) -> Any:  # noqa: ANN401  any JSON
    for name in [] if path == "." else path.split("."):
        value = value[int(name)] if isinstance(value, list) else value.get(name)
    return value


def _request_texts(request: Any) -> tuple[str, ...]:  # noqa: ANN401  any JSON
    """Return the system prompt's and the messages' texts, as they may leave the process."""
    contents = [request.get("system") or [], *(message["content"] for message in request["messages"])]
    return tuple(text for content in contents for text in _texts(content))


def _answer_texts(answer: Any) -> tuple[str, ...]:  # noqa: ANN401  any JSON
    return _texts(answer["content"])


def _texts(content: Any) -> tuple[str, ...]:  # noqa: ANN401  any JSON
    """Return a content's texts, and its tool calls as text."""
    blocks = [{"text": content}] if isinstance(content, str) else content
    found = [block.get("text") or json.dumps([block.get("name"), block.get("input")]) for block in blocks]
    return tuple(str(redact(text)) for text in found)


def test_a_lost_call_is_told_once() -> None:
    """The flush after it complains; those that follow concern other calls."""
    drops = app.Drops()

    assert [drops.new(total) for total in (0, 1, 1, 3)] == [0, 1, 0, 2]
