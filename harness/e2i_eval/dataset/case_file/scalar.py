"""YAML scalars: which plain words are null, a bool or a number, and which are text."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonValue

__all__ = ["MERGE_TAG", "CoreLoader", "scalar_value"]

MERGE_TAG = "tag:yaml.org,2002:merge"
NULL_TAG = "tag:yaml.org,2002:null"
BOOL_TAG = "tag:yaml.org,2002:bool"
INT_TAG = "tag:yaml.org,2002:int"
FLOAT_TAG = "tag:yaml.org,2002:float"
STR_TAG = "tag:yaml.org,2002:str"

PATTERNS = {
    NULL_TAG: re.compile(r"(?:~|null|Null|NULL|)\Z"),
    BOOL_TAG: re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    INT_TAG: re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"),
    FLOAT_TAG: re.compile(
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
    ),
    MERGE_TAG: re.compile(r"<<\Z"),
}
"""The core schema of YAML 1.2.2, section 10.3.2, and the merge key, which people know from YAML 1.1."""


class CoreLoader(yaml.SafeLoader):
    """PyYAML's safe loader with the words of YAML 1.2 instead of those of YAML 1.1.

    YAML 1.1 reads ``no`` as false, ``12:30`` as 750, ``1e-6`` as text and ``2026-01-31`` as a date, which is no JSON.
    Editors read YAML 1.2, where the first, second and fourth are text and the third is a number.
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  typeshed declares it so


for _tag, _pattern in PATTERNS.items():
    CoreLoader.add_implicit_resolver(_tag, _pattern, None)


def scalar_value(node: yaml.ScalarNode) -> JsonValue:
    """Return the JSON value of a scalar.

    Raises:
        ValueError: it has no JSON value; the message says why.
    """
    convert = CONVERTERS.get(node.tag)
    if convert is None:
        short = node.tag.replace("tag:yaml.org,2002:", "!!")
        message = f"the YAML tag {short} stands for no JSON value"
        raise ValueError(message)
    if node.tag != STR_TAG and not PATTERNS[node.tag].match(node.value):
        message = f"{node.value!r} is no {node.tag.rpartition(':')[2]}"
        raise ValueError(message)
    return convert(node.value)


def _int(text: str) -> int:
    try:
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    except ValueError:  # the interpreter refuses thousands of digits
        message = f"a whole number of {len(text)} digits is too long"
        raise ValueError(message) from None


def _float(text: str) -> float:
    word = text.lower().lstrip("+-").lstrip(".")
    if word in {"inf", "nan"}:
        return float(("-" if text.startswith("-") else "") + word)
    number = float(text)
    if math.isinf(number):
        message = f"{text} is too large for a number"
        raise ValueError(message)
    return number


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return _joined_surrogates(text)
    return text


def _joined_surrogates(text: str) -> str:
    r"""Read ``"\ud83d\ude00"`` as JSON does: two escapes, one character."""
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        message = "the text has half of a surrogate pair, which is no character"
        raise ValueError(message) from None


CONVERTERS: dict[str, Any] = {
    NULL_TAG: lambda _: None,
    BOOL_TAG: lambda text: text.lower() == "true",
    INT_TAG: _int,
    FLOAT_TAG: _float,
    STR_TAG: _text,
    MERGE_TAG: _text,  # outside a key it is two characters
}
