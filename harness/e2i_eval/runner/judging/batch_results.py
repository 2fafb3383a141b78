"""The settlement: questions that waited are asked in one batch, and their answers become verdicts."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from e2i_eval.checks.judges.verdicts import judge_measurements, verdict_of
from e2i_eval.claude.batch_answer import BatchAnswer
from e2i_eval.core.errors import E2iError
from e2i_eval.runner.judging.asker import Ask, Scorer, ask_once, judgement_of, spent

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


class _Held(Exception):  # noqa: N818  nothing went wrong
    """A question was taken down instead of being sent."""


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

    def settle(self, briefs: Sequence[JudgeQuestion], results: Iterable[CaseResult]) -> tuple[BatchResult, ...]:
        """Return the cases that ``briefs`` are about, judged."""
        asked = {self._key(question): self._questions(question) for question in briefs}
        requests = {name: body for questions in asked.values() for name, body in questions.items()}
        answers = self._answers(requests) if requests else {}
        by_case: dict[tuple[str, str, int], list[JudgeQuestion]] = {}
        for question in briefs:
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
        briefs: Sequence[JudgeQuestion],
        asked: Mapping[str, Mapping[str, JsonObject]],
        answers: Mapping[str, BatchAnswer],
    ) -> BatchResult:
        judged = {
            question.rule.name: (question, self._judgement(question, asked[self._key(question)], answers))
            for question in briefs
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
        self, question: JudgeQuestion, questions: Mapping[str, JsonObject], answers: Mapping[str, BatchAnswer]
    ) -> Judgement:
        got = [answers.get(name, BatchAnswer(error="the batch has no answer to it")) for name in questions]
        scores: list[tuple[float, str]] = []
        error = "" if questions else "the scorer did not ask its model"
        for answer in got:
            try:
                scores.append(self._once(question, _Told(answer)))
            except Exception as raised:  # noqa: BLE001  whatever breaks in a judge says nothing about the system
                error = answer.error or f"{type(raised).__name__}: {raised}"
        used = [(question.model, answer.usage) for answer in got if answer.usage is not None]
        judgement = judgement_of(
            question.rule, question.subject.case_id, model=question.model, answers=scores, error=error
        )
        cost: dict[str, Any] = spent(used, self._price)
        return replace(judgement, **cost)

    def _questions(self, question: JudgeQuestion) -> dict[str, JsonObject]:
        """Return the requests of one judge by id: the same question has the same id in every session."""
        held = _Holding()
        with contextlib.suppress(Exception):  # a judge that breaks before it asks has no answer, and says so then
            self._once(question, held)
        if held.body is None:
            return {}
        digest = _digest(json.dumps([self._key(question), held.body], sort_keys=True))
        return {f"{digest}-{number}": held.body for number in range(question.rule.repeat)}

    def _once(self, question: JudgeQuestion, ask: Ask) -> tuple[float, str]:
        return ask_once(question.rule, question.subject, model=question.model, ask=ask, scorer=self._scorer)

    def _key(self, question: JudgeQuestion) -> str:
        return f"{question.nodeid} {question.subject.case_id} {question.repeat} {question.rule.name}"


class _Holding:
    """Takes a question down."""

    def __init__(self) -> None:
        self.body: JsonObject | None = None

    def __call__(self, body: JsonObject) -> JsonObject:
        self.body = dict(body)
        raise _Held


class _Told:
    """Answers with what came back."""

    def __init__(self, answer: BatchAnswer) -> None:
        self._answer = answer

    def __call__(self, body: JsonObject) -> JsonObject:  # noqa: ARG002  it was asked before
        if self._answer.message is None:
            raise _Held(self._answer.error)
        return self._answer.message


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
