"""Judges asked in one batch: sent once, waited for, matched by id, paid at half price, found again."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.judges.conftest import MODEL, case, result, rubric, run

from e2i_eval.checks.judges.rubric import TOOL
from e2i_eval.claude import SessionBudget
from e2i_eval.claude.batch import BatchPost, SentBatches
from e2i_eval.claude.batch_answer import BatchAnswer
from e2i_eval.core.errors import E2iError
from e2i_eval.core.judge_rule import JudgeRule
from e2i_eval.core.prices import PriceTable
from e2i_eval.runner.judging import BatchResults, JudgeRunner, Pending
from e2i_eval.testing import ScriptedClaude
from e2i_eval.tracking.scorers import score

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

USAGE = {"input_tokens": 1000, "output_tokens": 100}


class Api(BaseHTTPRequestHandler):
    """Takes batches, says twice that they are under way, and answers every request but those that say ``fate``."""

    server: ApiServer

    def do_POST(self) -> None:
        """Take a batch."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        batch_id = f"msgbatch_{len(self.server.batches)}"
        self.server.batches[batch_id] = body["requests"]
        self._answer(json.dumps({"id": batch_id, "processing_status": "in_progress"}))

    def do_GET(self) -> None:
        """Say how a batch is getting on, or hand its results out in another order."""
        _, _, _, _, batch_id, *rest = self.path.split("/")
        if batch_id not in self.server.batches:
            self._answer(json.dumps({"type": "error", "error": {"type": "not_found_error", "message": ""}}), 404)
        elif not rest:
            self.server.polls += 1
            status = "ended" if self.server.polls > 2 else "in_progress"
            self._answer(json.dumps({"id": batch_id, "processing_status": status}))
        else:
            self._answer("\n".join(json.dumps(_result(each)) for each in reversed(self.server.batches[batch_id])))

    def _answer(self, text: str, status: int = 200) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args: object) -> None:
        """Keep the screen to pytest."""


class ApiServer(ThreadingHTTPServer):
    """The API, for batches alone."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Api)
        self.batches: dict[str, list[dict[str, Any]]] = {}
        self.polls = 0


def _result(request: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(request["params"])
    if "expired" in text:
        return {"custom_id": request["custom_id"], "result": {"type": "expired"}}
    if "errored" in text:
        error = {"type": "error", "error": {"type": "invalid_request_error", "message": "too long"}}
        return {"custom_id": request["custom_id"], "result": {"type": "errored", "error": error}}
    if "output_config" in text or "tools" not in request["params"]:
        content: list[dict[str, Any]] = [{"type": "text", "text": json.dumps({"rationale": "Safe.", "result": "yes"})}]
    else:
        call = {"type": "tool_use", "id": "toolu_1", "name": TOOL, "input": {"reason": "Rude.", "score": 2}}
        content = [call]
    message = {
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": content,
        "usage": USAGE,
        "stop_reason": "end_turn",
    }
    return {"custom_id": request["custom_id"], "result": {"type": "succeeded", "message": {**message, "id": "msg_1"}}}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """A server on the loopback interface."""
    with ApiServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("ANTHROPIC_BASE_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
        yield server
        server.shutdown()
        thread.join()


def post(folder: Path, *, slept: list[float] | None = None, max_usd: float | None = None) -> BatchPost:
    """Return what sends a batch, without waiting."""
    prices = PriceTable.load().batched()
    return BatchPost(
        SentBatches(folder / "judge-batches.json"),
        budget=SessionBudget(max_usd, folder=folder, prices=prices) if max_usd is not None else None,
        sleep=(slept if slept is not None else []).append,
        elapsed_s=lambda: 0.0,
    )


def request(text: str = "Hello.") -> dict[str, Any]:
    """Return a request."""
    return {"model": MODEL, "max_tokens": 100, "tools": [], "messages": [{"role": "user", "content": text}]}


def test_a_batch_is_sent_once_and_matched_by_id(tmp_path: Path, api: ApiServer) -> None:
    """Waits grow, results in any order find their request, and expired and failed ones say so."""
    slept: list[float] = []

    replies = post(tmp_path, slept=slept)({"a": request(), "b": request("expired"), "c": request("errored")})

    assert slept == sorted(slept)
    assert len(slept) == 2
    assert replies["a"].usage is not None
    assert replies["a"].usage.input_tokens == 1000
    assert replies["b"].error == "the request expired in its batch"
    assert "too long" in replies["c"].error
    assert [[each["custom_id"] for each in batch] for batch in api.batches.values()] == [["a", "b", "c"]]
    assert not (tmp_path / "judge-batches.json").exists()


def test_an_interrupted_session_finds_its_batch_again(tmp_path: Path, api: ApiServer) -> None:
    """What was sent is not sent again; what is new is."""
    interrupted = BatchPost(
        SentBatches(tmp_path / "judge-batches.json"), budget=None, sleep=_interrupt, elapsed_s=lambda: 0.0
    )
    with pytest.raises(KeyboardInterrupt):
        interrupted({"a": request()})

    replies = post(tmp_path)({"a": request(), "b": request()})
    assert [[each["custom_id"] for each in batch] for batch in api.batches.values()] == [["a"], ["b"]]
    assert [reply.error for reply in replies.values()] == ["", ""]


def test_a_batch_that_is_gone_is_an_error(tmp_path: Path, api: ApiServer) -> None:
    """Its questions are neither passed nor paid for again without being asked."""
    assert not api.batches
    SentBatches(tmp_path / "judge-batches.json").write({"msgbatch_9": ["a"]})

    assert post(tmp_path)({"a": request()})["a"].error == "batch msgbatch_9 is gone"


def test_the_budget_counts_half(tmp_path: Path, api: ApiServer) -> None:
    """1,000 tokens in and 100 out cost 0.003 USD one by one; what does not fit is not sent."""
    replies = post(tmp_path, max_usd=0.005)({"a": request(), "b": request("x" * 100_000)})

    assert SessionBudget(1, folder=tmp_path, prices=PriceTable.load()).spent_usd == pytest.approx(0.0015)
    assert "was not sent" in replies["b"].error
    assert [each["custom_id"] for each in api.batches["msgbatch_0"]] == ["a"]


def test_a_damaged_file_of_batches_is_told(tmp_path: Path) -> None:
    """It is never taken for none."""
    file = tmp_path / "judge-batches.json"
    file.write_text("[]")

    with pytest.raises(E2iError, match="damaged"):
        SentBatches(file).read()


def test_questions_wait_and_their_answers_become_verdicts(tmp_path: Path, api: ApiServer) -> None:
    """A rubric and a scorer are held back while the case runs, and judged when the batch is through."""
    pending = Pending(tmp_path)
    runner = _runner(pending)
    judges = (rubric("tone", repeat=3), JudgeRule(name="safe", scorer="mlflow.Safety", scale=(0, 1), min=1))
    judged = runner.judge(case(*judges), run(), result())
    assert [each.status for each in judged.verdicts] == ["skip", "skip"]
    before = _with(judged)

    (settled,) = _batch_results(post(tmp_path)).settle(pending.take(), [before, result("shop/other")])

    assert [(each.check, each.status) for each in settled.after.verdicts] == [
        ("judge.tone", "fail"),
        ("judge.safe", "pass"),
    ]
    assert len(api.batches["msgbatch_0"]) == 4
    assert settled.after.measurements["judge.cost_usd"] == pytest.approx(4 * 0.0015)
    assert pending.take() == ()


def test_a_batch_that_fails_breaks_its_judges_alone(tmp_path: Path) -> None:
    """They are errors; the session goes on."""
    pending = Pending(tmp_path)
    before = _with(_runner(pending).judge(case(rubric("tone")), run(), result()))

    def refuse(_: Mapping[str, object]) -> dict[str, BatchAnswer]:
        message = "no network"
        raise ConnectionError(message)

    (settled,) = _batch_results(refuse).settle(pending.take(), [before])
    assert settled.after.status == "error"
    assert "no network" in settled.after.judgements[0].error
    (silent,) = _batch_results(lambda _: {}).settle(_briefs(pending), [before])
    assert "no answer" in silent.after.judgements[0].error


def _briefs(pending: Pending) -> Any:  # noqa: ANN401  questions
    _runner(pending).judge(case(rubric("tone")), run(), result())
    return pending.take()


def _interrupt(_: float) -> None:
    raise KeyboardInterrupt


def _runner(pending: Pending) -> JudgeRunner:
    def ask(body: Mapping[str, Any]) -> dict[str, Any]:
        message = f"nobody is asked at once: {body}"
        raise AssertionError(message)

    price = PriceTable.load().cost_usd
    return JudgeRunner(
        claude=ScriptedClaude(), ask=ask, scorer=score, price=price, model=MODEL, is_mocked=False, pending=pending
    )


def _batch_results(send: Any) -> BatchResults:  # noqa: ANN401  anything that sends
    return BatchResults(post=_answers(send), scorer=score, price=PriceTable.load().batched().cost_usd)


def _answers(send: Any) -> Any:  # noqa: ANN401  as above
    def posted(requests: Mapping[str, Any]) -> dict[str, BatchAnswer]:
        replies = send(requests).items()
        return {name: BatchAnswer(message=each.message, error=each.error, usage=each.usage) for name, each in replies}

    return posted


def _with(judged: Any) -> Any:  # noqa: ANN401  a case that has been judged so far
    from dataclasses import replace  # noqa: PLC0415  only here

    return replace(result(), verdicts=judged.verdicts, judgements=judged.judgements)
