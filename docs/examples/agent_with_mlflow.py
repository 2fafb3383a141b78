"""A complete LangGraph agent with Claude, observed in MLflow by one call.

    python docs/examples/agent_with_mlflow.py

Needs ``MLFLOW_TRACKING_URI``. With ``ANTHROPIC_API_KEY`` it asks Claude; without, a small server on this machine
speaks Claude's protocol and says what it is told to say, so that everything but the words is real.

The agent holds no logging code. What is logged of it is named in its configuration, and `observe` does the rest:
prompts, completions, tokens, latency, cost, metrics, an artifact. A figure is added to the run afterwards.
Copy this file to begin an agent of your own.
"""  # noqa: INP001 - examples are scripts, not a package

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.graph import END, START, StateGraph
from matplotlib.figure import Figure
from mlflow import MlflowClient

from e2i.config import AgentConfig
from e2i.mlops import flush, observe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.runnables import Runnable
    from mlflow.entities import Run, Trace

EXPERIMENT = "examples/trend_reader"
FLUSH_TIMEOUT_S = 30.0

# the agent

CONFIG = AgentConfig(
    agent="trend_reader",
    tier=3,
    use_case="trends",
    mlflow_experiment=EXPERIMENT,
    model="claude-sonnet-5-5",
    max_tokens=300,
    prompts={"explain": "1"},
    metrics={"trx_per_month": "trx_per_month", "trend_r2": "trend_r2"},
    artifacts={"answer.json": "."},
)

PROMPTS = {
    "explain": {"1": "You explain a trend in prescriptions to a sales team in one sentence. State no other numbers."}
}


class Trend(TypedDict, total=False):
    """What goes through the graph: total prescriptions a month in, the fitted line and a sentence out."""

    question: str
    brand: str
    trx: list[float]
    trx_per_month: float
    trend_r2: float
    explanation: str


def fit(state: Trend) -> Trend:
    """Fit a straight line by least squares; ``trend_r2`` is the share of the variance it explains."""
    months = np.arange(len(state["trx"]))
    slope, start = np.polyfit(months, state["trx"], 1)
    left_over = np.var(state["trx"] - (start + slope * months)) / np.var(state["trx"])
    return {"trx_per_month": round(float(slope), 2), "trend_r2": round(1.0 - float(left_over), 3)}


def explain(state: Trend) -> Trend:
    """Ask Claude for the sentence."""
    figures = f"{state['brand']}: {state['trx_per_month']:+.2f} TRx a month, R2 {state['trend_r2']:.2f}"
    model = ChatAnthropic(
        model_name=CONFIG.model, max_tokens_to_sample=CONFIG.max_tokens, timeout=CONFIG.timeout_s, stop=None
    )
    system = SystemMessage(PROMPTS["explain"][CONFIG.prompts["explain"]])
    answer = model.invoke([system, HumanMessage(f"{state['question']}\n{figures}")])
    return {"explanation": answer.text}


def build() -> Runnable[Trend, Trend]:
    """Return the agent: computation first, Claude for the words."""
    graph = StateGraph(Trend)
    graph.add_node("fit", fit)
    graph.add_node("explain", explain)
    graph.add_edge(START, "fit")
    graph.add_edge("fit", "explain")
    graph.add_edge("explain", END)
    return graph.compile()


# what is logged of it


def main() -> int:
    """Call the observed agent, add a figure to its run, and print what the server has of it."""
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        sys.stderr.write("no server: type  export MLFLOW_TRACKING_URI=http://localhost:5000\n")
        return 2
    inputs: Trend = {
        "question": "How does it go?",
        "brand": "Kisqali",
        "trx": [101, 104, 103, 109, 112, 111, 117, 118, 123, 121, 127, 130],
    }
    with claude_or_script("Kisqali grows steadily, month after month."):
        answer = observe(build(), CONFIG).invoke(inputs)
    result = flush(FLUSH_TIMEOUT_S)
    if result.pending or result.dropped:
        sys.stderr.write(f"not everything is on {uri}: {result.reason}\n")
        return 1
    client = MlflowClient(uri)
    trace, run = latest(client)
    client.log_figure(run.info.run_id, figure(answer), "trend.png")
    sys.stdout.write("\n".join(report(client, trace, run)) + "\n")
    return 0


def figure(answer: Trend) -> Figure:
    """Draw the months and the fitted line."""
    drawing = Figure(figsize=(6, 3))
    axes = drawing.subplots()
    months = np.arange(len(answer["trx"]))
    line = np.mean(answer["trx"]) + answer["trx_per_month"] * (months - months.mean())
    axes.plot(months, answer["trx"], "o", months, line, "-")
    axes.set(xlabel="month", ylabel="TRx", title=f"{answer['brand']}: {answer['trx_per_month']:+.2f} TRx a month")
    return drawing


# what the server has


def latest(client: MlflowClient) -> tuple[Trace, Run]:
    """Return the newest trace of the experiment, and the run it is linked to."""
    (experiment,) = client.search_experiments(filter_string=f"name = '{EXPERIMENT}'")
    trace = client.search_traces(locations=[experiment.experiment_id], max_results=1)[0]
    linked = f"tags.`e2i.trace_id` = '{trace.info.trace_id}'"
    return trace, client.search_runs([experiment.experiment_id], linked, max_results=1)[0]


def report(client: MlflowClient, trace: Trace, run: Run) -> list[str]:
    """Return what was read back, a fact a line."""
    call = next(span for span in trace.data.spans if span.span_type == "CHAT_MODEL")
    root = trace.data.spans[0]
    return [
        f"trace      {trace.info.trace_id}, {trace.info.state}: {' > '.join(s.name for s in trace.data.spans)}",
        f"prompt     {call.inputs['system']}",
        f"           {call.inputs['messages'][0]['content']!r}",
        f"completion {root.outputs['explanation']}",
        f"tokens     {trace.info.token_usage}",
        f"tags       { {key: value for key, value in sorted(trace.info.tags.items()) if key.startswith('e2i.')} }",
        f"run        {run.info.run_name}, {run.info.status}",
        f"params     {dict(sorted(run.data.params.items()))}",
        f"metrics    {dict(sorted(run.data.metrics.items()))}",
        f"artifacts  {sorted(item.path for item in client.list_artifacts(run.info.run_id))}",
    ]


# Claude, or something that speaks like it


@contextmanager
def claude_or_script(text: str) -> Iterator[None]:
    """Leave everything as it is where a key is set; else let the Claude client speak to a script on this machine."""
    if os.environ.get("ANTHROPIC_API_KEY"):
        yield
        return
    sys.stdout.write("no ANTHROPIC_API_KEY: the answer comes from a script\n")
    server = HTTPServer(("127.0.0.1", 0), _scripted(text))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    os.environ |= {"ANTHROPIC_API_KEY": "none", "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_port}"}
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _scripted(text: str) -> type[BaseHTTPRequestHandler]:
    class ScriptedClaude(BaseHTTPRequestHandler):
        """Answers every request to the Messages API with the same text."""

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            message = {
                "id": "msg_scripted",
                "type": "message",
                "role": "assistant",
                "model": request["model"],
                "content": [{"type": "text", "text": text}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": 60, "output_tokens": 12},
            }
            body = json.dumps(message).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    return ScriptedClaude


if __name__ == "__main__":
    sys.exit(main())
