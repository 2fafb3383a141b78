"""Searching for a better configuration of an agent, promoting it, and taking it back.

    python docs/examples/optimize_agent.py [TRIALS]

Needs ``MLFLOW_TRACKING_URI``. With ``ANTHROPIC_API_KEY`` it asks Claude some three hundred short questions; without,
a small server on this machine speaks Claude's protocol and quotes the first passage. What is measured does not depend
on it: the retrieval is the real one either way.

The agent is the RAG pipeline. Varied are the search strategy, the reranker and the number of passages Claude is
shown; the score is the share of the wanted passages that reach Claude, minus a price for the length of the context.
Every trial is a run below the study's run. The best configuration is registered as the agent's candidate, measured
again on questions that the study has not seen, and put into production if it holds there; then it is rolled back.
"""  # noqa: INP001 - examples are scripts, not a package

from __future__ import annotations

import json
import os
import re
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from statistics import fmean
from typing import TYPE_CHECKING, Any

from e2i.config import agent_config
from e2i.mlops import MlflowConfig
from e2i.mlops.agent_registry import AgentRegistry
from e2i.mlops.search_space import CandidateConfig, Choice, Whole
from e2i.mlops.tuning import Tuning
from e2i.rag.labels import load_labels
from e2i.rag.pipeline import build
from e2i.rag.prompts import PROMPTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langchain_core.runnables import Runnable

    from e2i.mlops.search_space import Space
    from e2i.mlops.tuning import Report, Tuned
    from e2i.rag.labels import Label

CONFIG = agent_config("rag")
SETTINGS = {"strategy": "sparse", "rerank": "none", "top_k": 5}
"""What is in production before the study."""

SPACE: Space = {
    "setting/strategy": Choice(options=("sparse", "dense", "hybrid")),
    "setting/rerank": Choice(options=("none", "local")),
    "setting/top_k": Whole(low=1, high=8),
}
PRICE_PER_1000_TOKENS = 0.1
"""What a thousand tokens of context cost, in shares of the wanted passages: a judgement, which settles the rest."""

TRIALS = 8
SEED = 7
QUESTIONS = 15
"""Of each split, so that the example ends within seconds."""

REPORT_EVERY = 5


def main(arguments: Sequence[str] = ()) -> int:
    """Run the study, and follow its result through the registry."""
    mlflow = MlflowConfig.from_environment()
    if not mlflow.enabled:
        sys.stderr.write("no server: type  export MLFLOW_TRACKING_URI=http://localhost:5000\n")
        return 2
    study = Tuning(
        config=CONFIG,
        prompts=PROMPTS,
        space=SPACE,
        objective="score",
        settings=SETTINGS,
        trials=int(arguments[0]) if arguments else TRIALS,
        seed=SEED,
    )
    with claude_or_script():
        seen, unseen = questions("tune"), questions("test")
        found = study.run(lambda candidate, report: measured(candidate, seen, report), mlflow)
        before = CandidateConfig(config=CONFIG, settings=SETTINGS)
        after = measured(found.best, unseen)["score"] - measured(before, unseen)["score"]
    sys.stdout.write("\n".join([*table(found), f"on unseen questions: {after:+.3f}"]) + "\n")
    deploy(found, mlflow, is_better=after > 0)
    return 0


# what is measured


def questions(split: str) -> list[Label]:
    """Return labelled questions that the corpus answers."""
    return [label for label in load_labels() if label.split == split and label.relevant][:QUESTIONS]


def measured(candidate: CandidateConfig, labels: Sequence[Label], report: Report | None = None) -> dict[str, float]:
    """Ask every question of an agent configured like the candidate; the score so far is reported on the way."""
    agent: Runnable[Any, Any] = build(candidate.config)
    recalls: list[float] = []
    tokens: list[float] = []
    for number, label in enumerate(labels, start=1):
        answer = agent.invoke({"question": label.question, "brand": label.brand, **candidate.settings})
        shown = answer["reranked_ids"][: int(str(candidate.settings["top_k"]))]
        recalls.append(len(set(shown) & set(label.relevant)) / len(label.relevant))
        tokens.append(answer["context_tokens"])
        if report is not None and number % REPORT_EVERY == 0:
            report(number, score(recalls, tokens))
    return {"score": score(recalls, tokens), "recall": fmean(recalls), "context_tokens": fmean(tokens)}


def score(recalls: Sequence[float], tokens: Sequence[float]) -> float:
    """Return what counts: the share of the wanted passages, minus the price of the context."""
    return fmean(recalls) - PRICE_PER_1000_TOKENS * fmean(tokens) / 1000


# what becomes of it


def table(found: Tuned) -> list[str]:
    """Return the trials, a line each, and the best configuration."""
    lines = [f"{'trial':>5}  {'state':<8}  {'score':>6}  {'recall':>6}  {'tokens':>6}  configuration"]
    for tried in found.trials:
        figures = "  ".join(
            [
                shown(tried.metrics, "score", ".3f"),
                shown(tried.metrics, "recall", ".3f"),
                shown(tried.metrics, "context_tokens", ".0f"),
            ]
        )
        values = ", ".join(f"{name.removeprefix('setting/')}={value}" for name, value in tried.values.items())
        lines.append(f"{tried.number:>5}  {tried.state:<8}  {figures}  {values}{tried.error}")
    return [*lines, f"best: trial {found.best_trial.number}, registered as e2i-rag version {found.version} (candidate)"]


def shown(metrics: Mapping[str, float], name: str, form: str) -> str:
    """Return a number in six characters, or a dash where a trial was not completed."""
    return f"{metrics[name]:{form}}".rjust(6) if name in metrics else "     -"


def deploy(found: Tuned, mlflow: MlflowConfig, *, is_better: bool) -> None:
    """Put the old configuration and then the candidate into production, roll back, and print the history."""
    registry = AgentRegistry(mlflow)
    old = registry.register(CONFIG, PROMPTS, settings=SETTINGS, message="as it was before the study")
    registry.promote("rag", old, "what is in use")
    if is_better:
        registry.promote("rag", found.version, f"study {found.run_id}, holds on unseen questions")
        sys.stdout.write(f"in production: {dict(registry.load_version('rag').settings)}\n")
        registry.rollback("rag", "shown as an example")
        sys.stdout.write(f"rolled back:   {dict(registry.load_version('rag').settings)}\n")
    for one in registry.history("rag"):
        change = f"{one.from_version or '-'} -> {one.to_version}"
        sys.stdout.write(f"history: {one.action:<8} {change:<8} {one.who}: {one.reason}\n")
    registry.close()


# Claude, or something that speaks like it


@contextmanager
def claude_or_script() -> Iterator[None]:
    """Leave everything as it is where a key is set; else let the Claude client speak to a script on this machine."""
    if os.environ.get("ANTHROPIC_API_KEY"):
        yield
        return
    sys.stdout.write("no ANTHROPIC_API_KEY: answers come from a script\n")
    server = HTTPServer(("127.0.0.1", 0), ScriptedClaude)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    os.environ |= {"ANTHROPIC_API_KEY": "none", "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_port}"}
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class ScriptedClaude(BaseHTTPRequestHandler):
    """Calls the tool it is given, with the key of the first passage for an answer."""

    def do_POST(self) -> None:
        """Answer one request to the Messages API."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = re.findall(r'<passage key="([^"]+)"', request["messages"][0]["content"])[0]
        answer = {"found": True, "answer": f"See the first passage [{key}]."}
        message = {
            "id": "msg_scripted",
            "type": "message",
            "role": "assistant",
            "model": request["model"],
            "content": [{"type": "tool_use", "id": "toolu_scripted", "name": "CitedAnswer", "input": answer}],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 500, "output_tokens": 20},
        }
        body = json.dumps(message).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
