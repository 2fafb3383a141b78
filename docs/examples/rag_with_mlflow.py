"""A RAG pipeline observed in MLflow, and its retrieval strategies compared there.

    python docs/examples/rag_with_mlflow.py

Needs ``MLFLOW_TRACKING_URI``. With ``ANTHROPIC_API_KEY`` it asks Claude; without, a small server on this machine
speaks Claude's protocol: it ranks passages by the words they share with the question and quotes the first one.
Retrieval and reranking are the real ones either way.

First three questions go through the observed pipeline, one for each strategy, and what the server keeps of each is
read back: query, documents with scores, the reranked order with scores, the context, the answer.
Then every strategy is measured on the labelled questions and logged as a run, and the runs are read back and ranked.
"""  # noqa: INP001 - examples are scripts, not a package

from __future__ import annotations

import json
import os
import re
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

from mlflow import MlflowClient

from e2i.comparison_log import EXPERIMENT, log_comparison
from e2i.config import agent_config
from e2i.mlops import flush, observe
from e2i.rag.comparison import compared
from e2i.rag.comparison_text import comparison_text
from e2i.rag.index import default_index
from e2i.rag.labels import load_labels
from e2i.rag.pipeline import build
from e2i.rag.trial import configurations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow.entities import Span, Trace

    from e2i.rag.state import RagInput

CONFIG = agent_config("rag").model_copy(update={"mlflow_experiment": "examples/rag"})
SHOWN = 3
"""How many documents of each list are printed."""
FLUSH_TIMEOUT_S = 30.0

QUESTIONS: tuple[RagInput, ...] = (
    {"question": "How is payer access defined?", "strategy": "sparse", "rerank": "none"},
    {"question": "Are regular blood tests required?", "brand": "Remibrutinib", "strategy": "dense", "rerank": "local"},
    {"question": "Why do patients on C5 blockers stay anaemic?", "brand": "Fabhalta", "rerank": "claude"},
)


def main() -> int:
    """Ask, compare, and print what the server has of both."""
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        sys.stderr.write("no server: type  export MLFLOW_TRACKING_URI=http://localhost:5000\n")
        return 2
    with claude_or_script():
        pipeline = observe(build(CONFIG), CONFIG)
        for inputs in QUESTIONS:
            pipeline.invoke(inputs)
    result = flush(FLUSH_TIMEOUT_S)
    if result.pending or result.dropped:
        sys.stderr.write(f"not everything is on {uri}: {result.reason}\n")
        return 1
    client = MlflowClient(uri)
    lines = [line for trace in traces(client) for line in told(trace)]
    sys.stdout.write("\n".join([*lines, *strategies(client)]) + "\n")
    return 0


# what the server keeps of a question


def traces(client: MlflowClient) -> list[Trace]:
    """Return the traces of the questions just asked, in the order of asking."""
    (experiment,) = client.search_experiments(filter_string=f"name = '{CONFIG.mlflow_experiment}'")
    found = client.search_traces(
        locations=[experiment.experiment_id], max_results=len(QUESTIONS), order_by=["timestamp_ms DESC"]
    )
    return list(reversed(found))


def told(trace: Trace) -> list[str]:
    """Return what a trace tells of its question."""
    root = trace.data.spans[0]
    retriever, reranker = span(trace, "RETRIEVER"), span(trace, "RERANKER")
    strategy = retriever.attributes["metadata"]["strategy"]
    documents = [f"{one['id']} {one['metadata']['score']:.4f}" for one in retriever.outputs[:SHOWN]]
    reranked = [f"{one['id']} {one['score']:.4f}" for one in reranker.outputs["documents"][:SHOWN]]
    return [
        f"question   {root.inputs['question']}",
        f"query      {retriever.inputs['query']}",
        f"retrieved  {len(retriever.outputs)} by {strategy}: {', '.join(documents)}",
        f"reranked   by {reranker.outputs['strategy']}: {', '.join(reranked)}",
        f"context    {root.outputs['context_tokens']} tokens, estimated",
        f"answer     {root.outputs['answer']}",
        f"tokens     {trace.info.token_usage}",
        "",
    ]


def span(trace: Trace, kind: str) -> Span:
    """Return the one span of a kind."""
    (found,) = [one for one in trace.data.spans if one.span_type == kind]
    return found


# the strategies


def strategies(client: MlflowClient) -> list[str]:
    """Measure every strategy on the test questions, log each as a run, and return the runs, the best first."""
    index = default_index()
    labels = [label for label in load_labels(known=index.ids) if label.split == "test"]
    comparison = compared(index, labels, configurations(["none", "local"]))
    where = log_comparison(comparison, comparison_text(comparison))
    parent_id = where.rsplit("/", 1)[-1]
    (experiment,) = client.search_experiments(filter_string=f"name = '{EXPERIMENT}'")
    runs = client.search_runs(
        [experiment.experiment_id],
        f"tags.mlflow.parentRunId = '{parent_id}'",
        order_by=["metrics.`test/ndcg_at_10` DESC"],
    )
    lines = ["strategy/rerank  recall@5  nDCG@10  MRR"]
    for run in runs:
        recall, ndcg, mrr = (run.data.metrics[f"test/{name}"] for name in ("recall_at_5", "ndcg_at_10", "mrr"))
        lines.append(f"{run.info.run_name:<15}  {recall:8.3f}  {ndcg:7.3f}  {mrr:.3f}")
    return [*lines, where]


# Claude, or something that speaks like it


@contextmanager
def claude_or_script() -> Iterator[None]:
    """Leave everything as it is where a key is set; else let the Claude client speak to a script on this machine."""
    if os.environ.get("ANTHROPIC_API_KEY"):
        yield
        return
    sys.stdout.write("no ANTHROPIC_API_KEY: answers come from a script\n\n")
    server = HTTPServer(("127.0.0.1", 0), ScriptedClaude)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    os.environ |= {"ANTHROPIC_API_KEY": "none", "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_port}"}
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class ScriptedClaude(BaseHTTPRequestHandler):
    """Calls the tool it is given: ranks by shared words, answers with the first sentence of the first passage."""

    def do_POST(self) -> None:
        """Answer one request to the Messages API."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = request["messages"][0]["content"]
        tool = request["tool_choice"]["name"]
        arguments = {"Ranking": ranking, "CitedAnswer": cited_answer}[tool](prompt)
        message = {
            "id": "msg_scripted",
            "type": "message",
            "role": "assistant",
            "model": request["model"],
            "content": [{"type": "tool_use", "id": "toolu_scripted", "name": tool, "input": arguments}],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": len(prompt) // 4, "output_tokens": len(json.dumps(arguments)) // 4},
        }
        body = json.dumps(message).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


def ranking(prompt: str) -> dict[str, Any]:
    """Order the passages by the number of words they share with the question."""
    asked = words(prompt.rsplit("<question>", 1)[1])
    shared = {key: len(asked & words(text)) for key, text in passages(prompt)}
    return {"order": sorted(shared, key=lambda key: (-shared[key], key))}


def cited_answer(prompt: str) -> dict[str, Any]:
    """Quote the first sentence of the first passage, with its key."""
    key, text = passages(prompt)[0]
    return {"found": True, "answer": f"{re.split(r'(?<=[.!?]) ', text, maxsplit=1)[0]} [{key}]"}


def passages(prompt: str) -> list[tuple[str, str]]:
    """Return key and text of each passage in a prompt."""
    return re.findall(r'<passage key="([^"]+)"[^>]*>\n(.*?)\n</passage>', prompt, re.DOTALL)


def words(text: str) -> set[str]:
    """Return the longer words of a text."""
    return set(re.findall(r"\w{4,}", text.lower()))


if __name__ == "__main__":
    sys.exit(main())
