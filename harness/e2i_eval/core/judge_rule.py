"""A judge rule: who judges an answer that has no one right text, by what, and what is enough."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonValue

__all__ = ["JudgeAnswer", "JudgeRule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeAnswer:
    """What a judge says in mock mode.

    Attributes:
        score: on the rubric's scale; for a scorer 1 (yes) or 0 (no).
        reason: its words.
        error: HTTP status that is answered instead, 400 to 599; None answers.
    """

    score: float = 0.0
    reason: str = ""
    error: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeRule:
    """One judge of one case.

    A rule with neither ``rubric`` nor ``scorer`` stands for the judge of that name in the target's judges file.

    Attributes:
        name: unique in the case.
        rubric: what makes a good answer, in the words the judge gets; empty for a scorer.
        scorer: ``mlflow.<class>``; empty for a rubric.
        scale: lowest and highest score.
        min: the lowest score that is enough.
        of: dotted path of the judged part of the output; empty judges the whole output.
        model: who judges; empty takes the project's judge model.
        guidelines: what the scorer ``mlflow.Guidelines`` judges by.
        expected_facts: what a right answer is known to say.
        expected_response: a right answer.
        repeat: how often the judge is asked; the median counts.
        mock: what it says in mock mode, in order; the last one is said again; empty is not asked there.
        version: of the rubric's text, for a person; the prompt has a version of its own.
        doubt: why a bad score is a warning alone; empty when it counts.
    """

    name: str
    rubric: str = ""
    scorer: str = ""
    scale: tuple[int, int] = (1, 5)
    min: float = 4.0
    of: str = ""
    model: str = ""
    guidelines: tuple[str, ...] = ()
    expected_facts: tuple[str, ...] = ()
    expected_response: str = ""
    repeat: int = 1
    mock: tuple[JudgeAnswer, ...] = ()
    version: int = 1
    doubt: str = ""
    given: frozenset[str] = field(default_factory=frozenset)
    """Names of the attributes that were said, so that a case may change single ones of a shared judge."""

    @property
    def is_reference(self) -> bool:
        """Whether it names a judge that is described elsewhere."""
        return not self.rubric and not self.scorer

    @property
    def check(self) -> str:
        """The name of its verdict."""
        return f"judge.{self.name}"

    def expectations(self) -> dict[str, JsonValue]:
        """Return what is known of a right answer, by MLflow's names."""
        known: dict[str, JsonValue] = {}
        if self.expected_facts:
            known["expected_facts"] = list(self.expected_facts)
        if self.expected_response:
            known["expected_response"] = self.expected_response
        return known
