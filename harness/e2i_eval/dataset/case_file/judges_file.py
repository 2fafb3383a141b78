"""The file of judges that the cases of a target share, so that a rubric is written once."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationError

from e2i_eval.core.errors import UsageError
from e2i_eval.dataset.case_file.form import Form
from e2i_eval.dataset.case_file.judge_form import NAME, SharedJudgeForm, in_judge

if TYPE_CHECKING:
    from pathlib import Path

    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.judge_rule import JudgeRule

__all__ = ["read_judges"]

JudgeName = Annotated[str, Field(pattern=NAME)]


class JudgesForm(Form):
    """The file."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    judges: dict[JudgeName, SharedJudgeForm]


def read_judges(file: Path) -> dict[str, JudgeRule]:
    """Read the judges of a file, by name.

    Raises:
        UsageError: the file cannot be read, or says something this version does not know.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
        form = JudgesForm.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise UsageError(what, where=str(file), fix="see docs/reference/judges.md for the keys") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        what = f"the judges cannot be read: {error}"
        raise UsageError(what, where=str(file), fix="correct what it names") from error
    for name, judge in document["judges"].items():
        _refuse_contradiction(file, name, judge)
    return {name: judge.rule(name) for name, judge in form.judges.items()}


def _refuse_contradiction(file: Path, name: str, judge: JsonObject) -> None:
    place = f"judges.{name}"
    if "rubric" not in judge and "scorer" not in judge:
        missing = f"{place} has neither rubric nor scorer"
        raise UsageError(missing, where=str(file), fix="give it one of them")
    for _, what, fix in in_judge(judge, place):
        raise UsageError(what, where=str(file), fix=fix)
