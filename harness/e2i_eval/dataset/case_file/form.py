"""A form: what a part of a case file must look like, before it becomes a value."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from e2i_eval.checks.compare.diff_path import parse_diff_path

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["Amount", "Count", "DiffPath", "Form", "Given", "Number", "PathRegex", "Regex", "Scalar", "WireObject"]

T = TypeVar("T")


class Form(BaseModel):
    """Base of all forms: unknown keys are refused and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _NotNull:
    """Refuses ``key:`` with nothing behind it; to leave a key out is how to say nothing."""

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core_schema)
        kept = [branch for branch in schema.pop("anyOf", []) if branch != {"type": "null"}]
        return {**schema, **(kept[0] if len(kept) == 1 else {"anyOf": kept})}


def _refusal(kind: str, message: str, **said: Any) -> PydanticCustomError:  # noqa: ANN401  what the message names
    return PydanticCustomError(kind, message, said)


def _refuse_null(value: Any) -> Any:  # noqa: ANN401  a before-validator sees what the file holds
    if value is None:
        kind, message = "null_value", "is empty; give it a value or remove the key"
        raise _refusal(kind, message)
    return value


def _finite(value: Any) -> Any:  # noqa: ANN401  plain JSON data of any shape
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, float) and not math.isfinite(value):
        kind, message = "not_json", "holds {value}, which JSON cannot carry to Claude"
        raise _refusal(kind, message, value=value)
    for child in children:
        _finite(child)
    return value


def _regex(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        kind, message = "regex", "is no regular expression: '{value}' ({error})"
        raise _refusal(kind, message, value=value, error=str(error)) from None
    return value


def _diff_path(value: str) -> str:
    try:
        parse_diff_path(value)
    except ValueError as error:
        kind, message = "diff_path", "is wrong: {error}"
        raise _refusal(kind, message, error=str(error)) from None
    return value


def _narrow(value: str) -> str:
    if re.search(value, "root"):
        kind, message = "wide", "matches 'root', which leaves nothing to compare: '{value}'"
        raise _refusal(kind, message, value=value)
    return value


Given: TypeAlias = Annotated[T | None, BeforeValidator(_refuse_null), _NotNull()]
"""A key that may be left out, which reads as None, and must not be empty."""

Count: TypeAlias = Annotated[int, Field(ge=0)]
Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Amount: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Regex: TypeAlias = Annotated[str, AfterValidator(_regex), WithJsonSchema({"type": "string", "format": "regex"})]
PathRegex: TypeAlias = Annotated[Regex, AfterValidator(_narrow)]
DiffPath: TypeAlias = Annotated[str, AfterValidator(_diff_path)]
WireObject: TypeAlias = Annotated[dict[str, Any], AfterValidator(_finite)]
Scalar: TypeAlias = Annotated[Any, WithJsonSchema({"type": ["string", "number", "boolean", "null"]})]
