"""A case made in code, in the words of a case file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from e2i_eval.dataset.case_file.case_form import SCHEMA_VERSION, CaseForm
from e2i_eval.dataset.case_file.consistency import contradictions
from e2i_eval.dataset.case_file.mistake import mistake
from e2i_eval.dataset.case_file.problem import Problem, case_file_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.core.case import Case
    from e2i_eval.core.json_value import JsonObject

__all__ = ["make_case"]


def make_case(
    case_id: str, *, target: str, inputs: JsonObject, claude: Sequence[JsonObject] = (), expect: JsonObject
) -> Case:
    """Make a case as a file with the same keys would.

    Args:
        case_id: ``<target>/<name>``.
        target: the target's name.
        inputs: what the target is called with.
        claude: the scripted answers, as under ``claude:``.
        expect: what must come out, as under ``expect:``.

    Raises:
        CaseFileError: a key or a value is not one of a case file's.
    """
    data = {"schema": SCHEMA_VERSION, "inputs": dict(inputs), "claude": [*map(dict, claude)], "expect": dict(expect)}
    problems = [Problem(line=1, what=what, fix=fix) for _, what, fix in contradictions(data)]
    try:
        form = CaseForm.model_validate(data)
    except ValidationError as error:
        problems += [mistake(each, {}) for each in error.errors(include_url=False)]
        raise case_file_error(case_id, problems) from None
    if problems:
        raise case_file_error(case_id, problems)
    name = case_id.removeprefix(f"{target}/")
    return replace(form.case(target=target, name=name, path=Path(), lines={}), path=None)
