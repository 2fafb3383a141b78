"""The judge runner: asks the judges of a case at once, or leaves their questions with the session's batch."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from e2i_eval.checks.judges.judge_lookup import called
from e2i_eval.checks.judges.scripted import scripted_content
from e2i_eval.checks.judges.subject import JudgeSubject, part_of
from e2i_eval.checks.judges.verdicts import verdict_of
from e2i_eval.core.case import Case, ScriptedAnswer, ScriptedError
from e2i_eval.core.errors import E2iError
from e2i_eval.core.judgement import Judgement
from e2i_eval.core.verdict import Verdict
from e2i_eval.runner.judging.asker import Ask, Scorer, ask, judgement_of, spent
from e2i_eval.runner.judging.pending import JudgeQuestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from e2i_eval.core.exchange import WireNote
    from e2i_eval.core.judge_rule import JudgeRule
    from e2i_eval.core.ports import Claude, OpenCapture, Pricing
    from e2i_eval.core.run import Run
    from e2i_eval.runner.judging.pending import Pending

__all__ = ["Ask", "JudgeRunner", "Judged", "Scorer", "unasked"]

SUFFIX = ".judges"
"""Ends the id of the capture, and so the name of the cassette: ``golden/cassettes/<target>/<case>.judges.json``."""

NO_MOCK = "no answer in mock mode"
NO_OUTPUT = "there is no output to judge"
NOT_HERE = "judges are not asked here"
IN_BATCH = "it is asked in a batch when the session ends"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the judges of one case said; the verdicts stand in the order of the judges."""

    judgements: tuple[Judgement, ...] = ()
    verdicts: tuple[Verdict, ...] = ()


class CaseTurn(Protocol):
    """One time of running a case."""

    @property
    def nodeid(self) -> str:
        """The pytest item."""

    @property
    def repeat(self) -> int:
        """Which repetition it is, from 0."""


class JudgeRunner:
    """Asks judges.

    Args:
        claude: the wire.
        ask: sends a request over it.
        scorer: runs a scorer of MLflow.
        price: what an answer costs.
        model: who judges where a judge does not say.
        is_mocked: Claude is mocked, and so are the judges: each by its own script.
        shared: from a target to the judges that its cases share; may raise ``UsageError``.
        doubt: from a judge and its model to why its bad scores are warnings alone; empty when they count.
        pending: takes the questions instead of asking them; None asks at once.
    """

    def __init__(  # noqa: PLR0913  the composition root hands over everything the outside world is
        self,
        *,
        claude: Claude,
        ask: Ask,
        scorer: Scorer,
        price: Pricing,
        model: str,
        is_mocked: bool,
        shared: Callable[[str], Mapping[str, JudgeRule]] = lambda _target: {},
        doubt: Callable[[JudgeRule, str], str] = lambda _rule, _model: "",
        pending: Pending | None = None,
    ) -> None:
        self._claude = claude
        self._ask = ask
        self._scorer = scorer
        self._price = price
        self._model = model
        self._is_mocked = is_mocked
        self._shared = shared
        self._doubt = doubt
        self._pending = pending

    def rules(self, case: Case) -> tuple[JudgeRule, ...]:
        """Return the judges of a case, complete.

        Raises:
            UsageError: a judge is named that nobody described, or the file of judges cannot be read.
        """
        if not case.expect.judges:
            return ()
        rules = called(case.expect.judges, self._shared(case.target), where=case.where("expect.judges"))
        return tuple(replace(rule, doubt=self._doubt(rule, self._of(rule))) for rule in rules)

    def judge(self, case: Case, run: Run, turn: CaseTurn) -> Judged:
        """Ask the judges of a case about what it gave back.

        Args:
            case: names the judges.
            run: what the target gave back.
            turn: which item and which repetition it is.

        Raises:
            UsageError: as ``rules``.
        """
        rules = self.rules(case)
        if not rules:
            return Judged()
        if run.error is not None:
            return _judged(case, rules, [self._unasked(case, rule, NO_OUTPUT) for rule in rules])
        if self._pending is not None:
            return _judged(case, rules, [self._noted(case, rule, run, turn, self._pending) for rule in rules])
        try:
            return self._asked(case, rules, run)
        except E2iError as error:  # what was recorded of the judges cannot be read
            return _judged(case, rules, [judgement_of(r, case.id, model=self._of(r), error=str(error)) for r in rules])

    def _asked(self, case: Case, rules: Sequence[JudgeRule], run: Run) -> Judged:
        notes: list[WireNote] = []
        judgements: list[Judgement] = []
        for group in [[rule] for rule in rules] if self._is_mocked else [rules]:
            if self._is_mocked and not group[0].mock:
                judgements.append(self._unasked(case, group[0], NO_MOCK))
                continue
            with self._taped(case, group) as capture:
                judgements += [self._judgement(case, rule, run, capture) for rule in group]
            notes += () if self._is_mocked else capture.notes  # a script is left over where a judge broke, and says so
        judged = _judged(case, rules, judgements)
        return replace(judged, verdicts=(*judged.verdicts, *_of_notes(notes)))

    @contextmanager
    def _taped(self, case: Case, rules: Sequence[JudgeRule]) -> Iterator[OpenCapture]:
        """Open a capture for judges alone: the case's own is closed, so that the oracle never sees their exchanges."""
        script = _script(rules[0]) if self._is_mocked else ()
        own = Case(id=case.id + SUFFIX, target=case.target, inputs={}, script=script, path=case.path, lines=case.lines)
        with self._claude.capture(own) as capture:
            yield capture

    def _judgement(self, case: Case, rule: JudgeRule, run: Run, capture: OpenCapture) -> Judgement:
        before = len(capture.exchanges)
        try:
            subject = _subject(case, rule, run)
        except LookupError as raised:
            return self._broken(case, rule, raised)
        judgement = ask(rule, subject, model=self._of(rule), asks=[self._ask] * rule.repeat, scorer=self._scorer)
        used = [(each.model, each.usage) for each in capture.exchanges[before:] if each.usage is not None]
        cost: dict[str, Any] = spent(used, self._price)
        return replace(judgement, **cost)

    def _noted(self, case: Case, rule: JudgeRule, run: Run, turn: CaseTurn, pending: Pending) -> Judgement:
        """Leave the question with the session's batch."""
        try:
            question = JudgeQuestion(
                nodeid=turn.nodeid,
                repeat=turn.repeat,
                where=case.where("expect.judges"),
                rule=rule,
                model=self._of(rule),
                subject=_subject(case, rule, run),
            )
        except LookupError as raised:
            return self._broken(case, rule, raised)
        pending.add(question)
        return self._unasked(case, rule, IN_BATCH)

    def _broken(self, case: Case, rule: JudgeRule, raised: Exception) -> Judgement:
        return judgement_of(rule, case.id, model=self._of(rule), error=f"{type(raised).__name__}: {raised}")

    def _of(self, rule: JudgeRule) -> str:
        return rule.model or self._model

    def _unasked(self, case: Case, rule: JudgeRule, reason: str) -> Judgement:
        return Judgement(judge=rule.name, case=case.id, reason=reason, model=self._of(rule))


def unasked(case: Case) -> Judged:
    """Return the judges of a case as not asked, where there is no judge runner."""
    rules = case.expect.judges
    return _judged(case, rules, [Judgement(judge=rule.name, case=case.id, reason=NOT_HERE) for rule in rules])


def _subject(case: Case, rule: JudgeRule, run: Run) -> JudgeSubject:
    return JudgeSubject(case_id=case.id, inputs=case.inputs, answer=part_of(run.output, rule.of))


def _script(rule: JudgeRule) -> tuple[ScriptedAnswer, ...]:
    said = [rule.mock[min(number, len(rule.mock) - 1)] for number in range(rule.repeat)]
    return tuple(
        ScriptedAnswer(error=ScriptedError(status=each.error), is_endless=True)
        if each.error
        else ScriptedAnswer(content=scripted_content(rule, each))
        for each in said
    )


def _judged(case: Case, rules: Sequence[JudgeRule], judgements: Sequence[Judgement]) -> Judged:
    verdicts = (
        verdict_of(judgement, rule, where=case.where(f"expect.judges.{number}"))
        for number, (rule, judgement) in enumerate(zip(rules, judgements, strict=True))
    )
    return Judged(judgements=tuple(judgements), verdicts=tuple(verdicts))


def _of_notes(notes: Sequence[WireNote]) -> Iterator[Verdict]:
    """Yield a verdict for what no single judge sees: recorded answers nobody asked for, a cassette not written."""
    left = [note.message for note in notes if note.kind in {"leftover", "cassette"}]
    if left:
        yield Verdict(check="judge.cassette", status="error", reason="; ".join(left))
