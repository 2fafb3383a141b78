"""The case a check evaluates: a golden case with what the check alters."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from e2i_eval.checks.compare.data_path import all_paths
from e2i_eval.core.case import Case, Expectation, ScriptedAnswer, ScriptedError
from e2i_eval.core.errors import UsageError
from e2i_eval.core.suggestion import did_you_mean
from e2i_eval.runner.families.declared import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.json_value import JsonObject, JsonValue
    from e2i_eval.runner.families.declared import Declared

__all__ = ["derived_case"]

OVERLOADED = 529
"""The API's status when it cannot serve anybody."""


def derived_case(declared: Declared, golden: Case, case_of: Callable[[str], Case]) -> Case:
    """Return the case that ``declared`` evaluates; of the golden's expectations it has none.

    Args:
        declared: the check.
        golden: the case it starts from.
        case_of: reads another golden case, by its id.

    Raises:
        UsageError: an input that is to be removed or changed inside is not there.
        CaseFileError: the case whose script is to answer cannot be read.
    """
    return Case(
        id=declared.id,
        target=declared.target,
        inputs=_inputs(declared, golden),
        script=_script(declared, golden, case_of),
        expect=Expectation(error=declared.expect.error),
        description=f"{declared.family} of {golden.id}",
        tags=(declared.family,),
        path=declared.path,
        lines=declared.lines,
    )


def _script(declared: Declared, golden: Case, case_of: Callable[[str], Case]) -> tuple[ScriptedAnswer, ...]:
    altered = declared.alteration
    if altered.script is not None:
        return altered.script
    if altered.claude == UNAVAILABLE:
        return (ScriptedAnswer(error=ScriptedError(status=OVERLOADED), is_endless=True),)
    script = case_of(f"{declared.target}/{altered.claude}").script if altered.claude else golden.script
    return tuple(replace(answer, line=0) for answer in script)  # the lines are another file's


def _inputs(declared: Declared, golden: Case) -> JsonObject:
    inputs: dict[str, JsonValue] = copy.deepcopy(dict(golden.inputs))
    for path in declared.alteration.remove:
        holder, key = _holder(declared, inputs, path)
        if not _has(holder, key):
            raise _no_input(declared, inputs, path)
        holder.pop(_index(holder, key))
    for path, value in declared.alteration.change.items():
        holder, key = _holder(declared, inputs, path)
        if isinstance(holder, list) and not _has(holder, key):
            raise _no_input(declared, inputs, path)
        holder[_index(holder, key)] = copy.deepcopy(value)
    return inputs


def _holder(declared: Declared, inputs: JsonObject, path: str) -> tuple[JsonValue, str]:
    """Return the mapping or list that holds the last key of ``path``, and that key."""
    *parents, key = [path] if path in inputs else path.split(".")
    holder: JsonValue = inputs
    for parent in parents:
        if not isinstance(holder, dict | list) or not _has(holder, parent):
            raise _no_input(declared, inputs, path)
        holder = holder[_index(holder, parent)]
    if not isinstance(holder, dict | list):
        raise _no_input(declared, inputs, path)
    return holder, key


def _has(holder: JsonValue, key: str) -> bool:
    return key.isdecimal() and int(key) < len(holder) if isinstance(holder, list) else key in holder


def _index(holder: JsonValue, key: str) -> Any:  # noqa: ANN401  what the holder is indexed by
    return int(key) if isinstance(holder, list) else key


def _no_input(declared: Declared, inputs: JsonObject, path: str) -> UsageError:
    known = all_paths(inputs)
    what = f"{declared.id}: the case {declared.case_id} has no input {path!r}{did_you_mean(path, known)}"
    return UsageError(what, where=declared.where, fix=f"its inputs: {', '.join(known)}")
