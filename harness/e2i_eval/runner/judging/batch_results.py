"""Batch results: the questions that waited are asked in one batch, and their answers become verdicts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from e2i_eval.checks.judges.verdicts import judge_measurements, verdict_of
from e2i_eval.claude.batch_answer import BatchAnswer
from e2i_eval.core.errors import E2iError
from e2i_eval.runner.judging.asker import Ask, NoAnswerError, Scorer, ask, spent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.judgement import Judgement
    from e2i_eval.core.ports import Pricing
    from e2i_eval.core.verdict import Verdict
    from e2i_eval.runner.judging.pending import JudgeQuestion
    from e2i_eval.runner.report import CaseResult

__all__ = ["BatchResult", "BatchResults", "Post"]


class Post(Protocol):
    """Sends requests together and waits for all answers."""

    def __call__(self, requests: Mapping[str, JsonObject]) -> Mapping[str, BatchAnswer]:
        """Return an answer for each request, by the request's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """A case whose judges have spoken.

    Attributes:
        before: the case as it was.
        after: the case with the judgements.
        verdicts: the new ones among its verdicts.
    """

    before: CaseResult
    after: CaseResult
    verdicts: tuple[Verdict, ...]


class BatchResults:
    """Asks what waited.

    Args:
        post: sends the batch.
        scorer: runs a scorer of MLflow.
        price: what an answer costs in a batch.
    """

    def __init__(self, *, post: Post, scorer: Scorer, price: Pricing) -> None:
        self._post = post
        self._scorer = scorer
        self._price = price

    def settle(self, questions: Sequence[JudgeQuestion], results: Iterable[CaseResult]) -> tuple[BatchResult, ...]:
        """Return the cases that ``questions`` are about, judged."""
        asked = {self._key(question): self._requests(question) for question in questions}
        requests = {name: body for bodies in asked.values() for name, body in bodies.items()}
        answers = self._answers(requests) if requests else {}
        by_case: dict[tuple[str, str, int], list[JudgeQuestion]] = {}
        for question in questions:
            by_case.setdefault((question.nodeid, question.subject.case_id, question.repeat), []).append(question)
        found = ((each, by_case.get((each.nodeid, each.case_id, each.repeat))) for each in results)
        return tuple(self._settled(result, own, asked, answers) for result, own in found if own)

    def _answers(self, requests: Mapping[str, JsonObject]) -> Mapping[str, BatchAnswer]:
        try:
            return self._post(requests)
        except E2iError as error:
            return {name: BatchAnswer(error=str(error)) for name in requests}
        except Exception as error:  # noqa: BLE001  whatever broke, each judge says so
            return {name: BatchAnswer(error=f"{type(error).__name__}: {error}") for name in requests}

    def _settled(
        self,
        result: CaseResult,
        questions: Sequence[JudgeQuestion],
        asked: Mapping[str, Mapping[str, JsonObject]],
        answers: Mapping[str, BatchAnswer],
    ) -> BatchResult:
        judged = {
            question.rule.name: (question, self._judgement(question, asked[self._key(question)], answers))
            for question in questions
        }
        verdicts = tuple(verdict_of(said, question.rule, where=question.where) for question, said in judged.values())
        by_check = {verdict.check: verdict for verdict in verdicts}
        judgements = tuple(judged[each.judge][1] if each.judge in judged else each for each in result.judgements)
        after = replace(
            result,
            verdicts=tuple(by_check.get(verdict.check, verdict) for verdict in result.verdicts),
            judgements=judgements,
            measurements={**result.measurements, **judge_measurements(judgements)},
        )
        return BatchResult(before=result, after=after, verdicts=verdicts)

    def _judgement(
        self, question: JudgeQuestion, requests: Mapping[str, JsonObject], answers: Mapping[str, BatchAnswer]
    ) -> Judgement:
        got = [answers.get(name, BatchAnswer(error="the batch has no answer to it")) for name in requests]
        asks = map(_answering, got or [BatchAnswer(error="the scorer did not ask its model")])
        judgement = ask(question.rule, question.subject, model=question.model, asks=asks, scorer=self._scorer)
        used = [(question.model, answer.usage) for answer in got if answer.usage is not None]
        cost: dict[str, Any] = spent(used, self._price)
        return replace(judgement, **cost)

    def _requests(self, question: JudgeQuestion) -> dict[str, JsonObject]:
        """Return the requests of one judge by id: the same question has the same id in every session."""
        held: list[JsonObject] = []

        def hold(body: JsonObject) -> JsonObject:
            held.append(dict(body))
            raise NoAnswerError

        # a judge that breaks before it asks leaves nothing here, and its judgement says why
        ask(question.rule, question.subject, model=question.model, asks=[hold], scorer=self._scorer)
        if not held:
            return {}
        digest = _digest(json.dumps([self._key(question), held[-1]], sort_keys=True))
        return {f"{digest}-{number}": held[-1] for number in range(question.rule.repeat)}

    def _key(self, question: JudgeQuestion) -> str:
        return f"{question.nodeid} {question.subject.case_id} {question.repeat} {question.rule.name}"


def _answering(answer: BatchAnswer) -> Ask:
    """Return what answers any question with what came back for it."""

    def ask_again(body: JsonObject) -> JsonObject:  # noqa: ARG001  it was asked before
        if answer.message is None:
            raise NoAnswerError(answer.error)
        return answer.message

    return ask_again


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
