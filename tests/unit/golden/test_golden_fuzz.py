"""Whatever lies in a case file, the reader returns a case or a ``CaseFileError``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from e2i_eval.core.errors import CaseFileError
from e2i_eval.dataset.case_file.reader import read_case
from e2i_eval.dataset.case_file.schema import case_schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2i_eval.core.case import Case

QUICK = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
VALIDATOR = jsonschema.Draft202012Validator(case_schema())

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
NUMBERS = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
COUNTS = st.integers(0, 10**9)
AMOUNTS = st.floats(0, 1e9)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return mappings with some of ``fields``."""
    return st.fixed_dictionaries({}, optional=fields)


USAGES = st.fixed_dictionaries(
    {"input_tokens": COUNTS, "output_tokens": COUNTS}, optional={"cache_read_input_tokens": COUNTS}
)
TOOLS = st.fixed_dictionaries(
    {"name": TEXTS.filter(bool)}, optional={"input": st.dictionaries(TEXTS, JSON, max_size=2)}
)
ANSWERS = st.one_of(
    st.fixed_dictionaries(
        {"text": TEXTS},
        optional={"node": TEXTS, "thinking": TEXTS, "usage": USAGES, "delay_s": AMOUNTS, "tool_use": TOOLS},
    ),
    st.fixed_dictionaries({"tool_use": st.lists(TOOLS, min_size=1, max_size=2)}, optional={"contains": TEXTS}),
    st.fixed_dictionaries({"error": st.fixed_dictionaries({"status": st.integers(400, 599)})}),
    st.fixed_dictionaries({"fault": st.sampled_from(["truncate", "drop", "error_event", "connect"])}),
)
RULES = st.dictionaries(
    TEXTS,
    st.booleans() | NUMBERS | TEXTS | st.fixed_dictionaries({"equals": JSON}) | st.fixed_dictionaries({"min": AMOUNTS}),
    max_size=2,
)
EXPECTATIONS = some(
    output=JSON,
    values=RULES,
    metrics=RULES,
    params=RULES,
    tags=RULES,
    nodes=st.fixed_dictionaries({"names": st.lists(TEXTS, max_size=3)}),
    tools=st.lists(TOOLS, max_size=2),
    budget=some(input_tokens=COUNTS, calls=COUNTS, cost_usd=AMOUNTS, latency_ms=AMOUNTS),
)
CASES = st.fixed_dictionaries(
    {"schema": st.just(1), "inputs": st.dictionaries(TEXTS, JSON, max_size=3)},
    optional={
        "description": TEXTS,
        "claude": st.lists(ANSWERS, max_size=3),
        "expect": EXPECTATIONS,
        "tags": st.lists(TEXTS, max_size=2),
    },
)


def complaint(read_text: Callable[..., Case], content: str | bytes) -> str | None:
    """Return what is said against a case file; None when it is a case."""
    try:
        read_text(content)
    except CaseFileError as error:
        return str(error)
    return None


@QUICK
@given(content=st.binary(max_size=200))
@example(content=b"\xff\xfea\x00:\x00 \x001\x00")
@example(content=b"schema: 1\ninputs: {? [a] : 1}\n")
@example(content=b"schema: 1\ninputs: {}\nclaude: !!python/object/apply:os.system [x]\n")
def test_any_bytes_are_read_or_refused(read_text: Callable[..., Case], content: bytes) -> None:
    """No other exception leaves the reader."""
    said = complaint(read_text, content)

    assert said is None or said.startswith("golden/cases/support/refund.yaml:")


@QUICK
@given(
    tail=st.text(
        alphabet=[*list("{}[]:,-?&*!|>'\"%@`#~\\ \n\tax10.eE_<="), "\x85", "\u2028", "\ufeff", "é"], max_size=60
    )
)
@example(tail="a: !<x> 1")
@example(tail='a: "\\x')
@example(tail="claude: [{text: a, usage: {input_tokens: 99999999999999999999999, output_tokens: 1}}]")
@example(tail="expect: {budget: {cost_usd: " + "9" * 5000 + "}}")
@example(tail="expect: {budget: {cost_usd: " + "9" * 400 + "}}")
@example(tail="expect: {values: {a: {min: " + "9" * 400 + ", max: 1.0}}}")
@example(tail="expect: {values: {a: {matches: '(?P<x>a)(?P<x>b)'}, b: {matches: '" + "(" * 90 + "'}}}")
def test_any_yaml_is_read_or_refused(read_text: Callable[..., Case], tail: str) -> None:
    """Also when the file begins like a case."""
    said = complaint(read_text, f"schema: 1\ninputs: {{}}\n{tail}\n")

    assert said is None or said.startswith("golden/cases/support/refund.yaml:")


@QUICK
@given(data=CASES)
def test_what_is_written_is_read(read_text: Callable[..., Case], data: dict[str, Any]) -> None:
    """Through YAML and back, and the schema agrees."""
    case = read_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False))

    assert VALIDATOR.is_valid(data)
    assert case.inputs == data["inputs"]
    expect = data.get("expect", {})
    assert case.expect.has_output == ("output" in expect)
    assert case.expect.output == expect.get("output")
    assert case.expect.values.keys() == expect.get("values", {}).keys()
    assert [answer.fault for answer in case.script] == [entry.get("fault") for entry in data.get("claude", [])]
    assert all(answer.line for answer in case.script)


@QUICK
@given(data=CASES, path=st.lists(st.integers(0, 5), max_size=4), replacement=JSON)
def test_schema_and_reader_agree_on_damaged_cases(
    read_text: Callable[..., Case], data: dict[str, Any], path: list[int], replacement: object
) -> None:
    """What the reader accepts the schema accepts; a value of any form stands where another was."""
    damaged = _damaged(data, path, replacement)
    said = complaint(read_text, yaml.safe_dump(damaged, allow_unicode=True, sort_keys=False))

    assert said is not None or VALIDATOR.is_valid(damaged)


def _damaged(data: Any, path: list[int], replacement: object) -> Any:  # noqa: ANN401  JSON data
    if not path or not isinstance(data, dict | list) or not data:
        return replacement
    at, *rest = path
    if isinstance(data, list):
        at %= len(data)
        return [_damaged(item, rest, replacement) if index == at else item for index, item in enumerate(data)]
    key = list(data)[at % len(data)]
    return {**data, key: _damaged(data[key], rest, replacement)}


@pytest.mark.parametrize("number", [0.1, 1e-6, 1e22, -0.0, 5e-324, 1.7976931348623157e308])
def test_floats_keep_every_bit(tmp_path: Path, number: float) -> None:
    """As Python writes them, and as YAML's own writer does."""
    path = tmp_path / "cases/support/refund.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(f"schema: 1\ninputs: {{a: {number!r}, b: {yaml.safe_dump(number).split()[0]}}}\n")

    inputs = read_case(path, root=tmp_path, known_targets=["support"]).inputs

    assert list(inputs.values()) == [number, number]
    assert math.copysign(1, inputs["a"]) == math.copysign(1, number)
