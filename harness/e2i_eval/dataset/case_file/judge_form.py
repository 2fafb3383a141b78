"""The form of a judge, in a case file and in a file of judges that cases share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field

from e2i_eval.checks.judges.scorers import PREFIX, SCORERS
from e2i_eval.core.judge_rule import JudgeAnswer, JudgeRule
from e2i_eval.dataset.case_file.form import Form, Given, Number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["JudgeForm", "SharedJudgeForm", "judge_contradictions", "judge_rules"]

NAME = r"^[A-Za-z0-9_-]+$"
YES, NO = 1.0, 0.0


class JudgeAnswerForm(Form):
    """What a judge says in mock mode."""

    score: Given[Number] = Field(default=None, description="On the rubric's scale.", examples=[5])
    passed: Given[bool] = Field(default=None, description="For a scorer: whether it says yes.")
    reason: str = Field(default="", description="Its words.", examples=["It names the next step."])
    error: Given[Annotated[int, Field(ge=400, le=599)]] = Field(
        default=None, description="HTTP status that is answered instead: the judge breaks.", examples=[529]
    )

    def answer(self) -> JudgeAnswer:
        """Return the value."""
        said = self.score if self.score is not None else YES if self.passed else NO
        return JudgeAnswer(score=float(said), reason=self.reason, error=self.error)


class _OneOrSeveral:
    """Says in the schema that a list of one may be written without the list."""

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core_schema)
        return {"anyOf": [schema["items"], schema]}


def _as_list(value: Any) -> Any:  # noqa: ANN401  a before-validator sees what the file holds
    return value if isinstance(value, list) else [value]


Answers: TypeAlias = Annotated[list[JudgeAnswerForm], Field(min_length=1), BeforeValidator(_as_list), _OneOrSeveral()]


class SharedJudgeForm(Form):
    """A judge without its name and without an answer."""

    rubric: Given[Annotated[str, Field(min_length=1)]] = Field(
        default=None,
        description="What makes a good answer, in the words the judge gets.",
        examples=["Says what to do next and names no patient."],
    )
    scorer: Given[str] = Field(
        default=None,
        description=f"A scorer of MLflow instead of a rubric: {', '.join(SCORERS)}.",
        examples=["mlflow.Correctness"],
    )
    scale: Given[Annotated[list[int], Field(min_length=2, max_length=2)]] = Field(
        default=None, description="Lowest and highest score of a rubric; 1 to 5 when left out.", examples=[[1, 5]]
    )
    min: Given[Number] = Field(default=None, description="The lowest score that is enough.", examples=[4])
    of: Given[str] = Field(
        default=None, description="Dotted path of the judged part of the output; all of it when left out.",
        examples=["narrative"],
    )  # fmt: skip
    model: Given[str] = Field(
        default=None, description="Who judges; the project's judge_model when left out.", examples=["claude-opus-5-5"]
    )
    guidelines: Given[Annotated[list[str], Field(min_length=1)]] = Field(
        default=None, description="What mlflow.Guidelines judges by.", examples=[["Names no patient."]]
    )
    expected_facts: Given[Annotated[list[str], Field(min_length=1)]] = Field(
        default=None, description="What a right answer is known to say.", examples=[["Treatment lasts 3 years."]]
    )
    expected_response: Given[str] = Field(default=None, description="A right answer.")
    repeat: Given[Annotated[int, Field(ge=1, le=9)]] = Field(
        default=None, description="How often the judge is asked; the median counts.", examples=[3]
    )
    version: Given[Annotated[int, Field(ge=1)]] = Field(
        default=None, description="Version of the rubric's text, for a person.", examples=[2]
    )

    def rule(self, name: str, mock: Iterable[JudgeAnswerForm] = ()) -> JudgeRule:
        """Return the value."""
        said = {key: getattr(self, key) for key in SharedJudgeForm.model_fields if getattr(self, key) is not None}
        if self.scorer:
            said |= {"scale": (int(NO), int(YES)), "min": YES}
        for key in ("scale", "guidelines", "expected_facts"):
            if key in said:
                said[key] = tuple(said[key])
        return JudgeRule(name=name, given=frozenset(said), mock=tuple(each.answer() for each in mock), **said)


class JudgeForm(SharedJudgeForm):
    """One judge of the answer."""

    name: Given[Annotated[str, Field(pattern=NAME)]] = Field(
        default=None,
        description="Its name; without rubric and scorer the name of a judge of the target's judges file.",
        examples=["tone"],
    )
    mock: Given[Answers] = Field(
        default=None,
        description="What it says in mock mode, or a list with one answer a repetition; unjudged when left out.",
        examples=[{"score": 5, "reason": "It names the next step."}],
    )

    def named(self) -> JudgeRule:
        """Return the value; a scorer without a name is called like its class."""
        name = self.name or (self.scorer or "").removeprefix(PREFIX)
        return self.rule(name, self.mock or ())


def judge_rules(forms: list[JudgeForm] | None) -> tuple[JudgeRule, ...]:
    """Return the judges of a case."""
    return tuple(form.named() for form in forms or ())


def judge_contradictions(judges: JsonValue, path: str) -> Iterator[tuple[str, str, str]]:
    """Yield what is inconsistent in the raw judges of a case: path, what is wrong, what to type."""
    seen: set[str] = set()
    for index, judge in enumerate(judges if isinstance(judges, list) else []):
        if not isinstance(judge, dict):
            continue
        place = f"{path}.{index}"
        yield from in_judge(judge, place)
        name = str(judge.get("name") or str(judge.get("scorer") or "").removeprefix(PREFIX))
        if not name:
            yield place, f"{place} has no name", "give it a name, e.g. 'name: tone'"
        elif name in seen:
            yield place, f"{place} is called {name!r} as another judge of this case is", "give it another name"
        seen.add(name)


def in_judge(judge: JsonObject, place: str) -> Iterator[tuple[str, str, str]]:
    """Yield what is inconsistent in one raw judge."""
    scorer = judge.get("scorer")
    if isinstance(scorer, str):
        yield from _in_scorer(judge, scorer, place)
    elif "guidelines" in judge:
        what = f"{place} has guidelines, which only scorer: mlflow.Guidelines reads"
        yield f"{place}.guidelines", what, "write them into the rubric"
    low, high = _scale(judge)
    if low >= high:
        yield f"{place}.scale", f"{place}.scale goes from {low} to {high}", "write the lower score first"
        return
    for key, value in (("min", judge.get("min")), *_mocked(judge)):
        if isinstance(value, int | float) and not isinstance(value, bool) and not low <= value <= high:
            what = f"{place}.{key} is {value}, and the scale goes from {low} to {high}"
            yield f"{place}.{key}", what, "give a score of the scale"
    yield from _in_mock(judge, place)


def _in_scorer(judge: JsonObject, scorer: str, place: str) -> Iterator[tuple[str, str, str]]:
    if scorer not in SCORERS:
        yield f"{place}.scorer", f"{place}.scorer is {scorer!r}", f"use one of {', '.join(SCORERS)}"
        return
    for key in ("rubric", "scale", "min"):
        if key in judge:
            yield f"{place}.{key}", f"{place} has both 'scorer' and '{key}'", f"remove '{key}': a scorer says yes or no"
    needs = SCORERS[scorer].needs
    if needs and not any(key in judge for key in needs):
        yield place, f"{scorer} needs {' or '.join(needs)}", f"add '{needs[0]}'"
    if "expected_facts" in judge and "expected_response" in judge:
        yield f"{place}.expected_response", f"{scorer} takes one of expected_facts and expected_response", "remove one"


def _in_mock(judge: JsonObject, place: str) -> Iterator[tuple[str, str, str]]:
    key = "passed" if "scorer" in judge else "score"
    for answer in _answers(judge):
        is_misspelled = not answer.keys() <= JudgeAnswerForm.model_fields.keys()
        if "error" not in answer and key not in answer and not is_misspelled:
            # a judge that is described elsewhere may be either
            if "rubric" not in judge and "scorer" not in judge and ({"passed", "score"} & answer.keys()):
                continue
            yield f"{place}.mock", f"{place}.mock says nothing", f"give it '{key}', or 'error'"


def _answers(judge: JsonObject) -> list[JsonObject]:
    mock = judge.get("mock")
    every = mock if isinstance(mock, list) else [mock]
    return [each for each in every if isinstance(each, dict)]


def _mocked(judge: JsonObject) -> list[tuple[str, JsonValue]]:
    return [] if "scorer" in judge else [("mock", answer.get("score")) for answer in _answers(judge)]


def _scale(judge: JsonObject) -> tuple[float, float]:
    scale = judge.get("scale")
    if isinstance(scale, list) and len(scale) == 2 and all(isinstance(each, int) for each in scale):  # noqa: PLR2004  both ends
        return scale[0], scale[1]
    if "rubric" in judge:
        return JudgeRule(name="").scale
    return (float("-inf"), float("inf"))
