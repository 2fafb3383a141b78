"""The JSON Schema, the reader and the documentation say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from e2i_eval.dataset.case_file.scalar import CoreLoader
from e2i_eval.dataset.case_file.schema import case_schema, known_keys, write_case_schema
from e2i_eval.dataset.case_file.yaml_document import parse_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.case import Case

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs" / "reference"
GOLDEN_FILES = sorted((ROOT / "golden" / "cases").rglob("*.y*ml"))


def complaints(text: str) -> list[str]:
    """Return what the schema says against a case file."""
    validator = jsonschema.Draft202012Validator(case_schema())
    return [error.message for error in validator.iter_errors(parse_yaml(text).data)]


def test_the_published_schema_is_current(tmp_path: Path) -> None:
    """To write it anew: ``write_case_schema(Path("docs/reference/case.schema.json"))``."""
    write_case_schema(tmp_path / "case.schema.json")

    published = (REFERENCE / "case.schema.json").read_text(encoding="utf-8")

    assert published == (tmp_path / "case.schema.json").read_text(encoding="utf-8")


def test_the_schema_is_one() -> None:
    """It is valid under draft 2020-12 and refuses unknown keys on every level."""
    schema = case_schema()

    jsonschema.Draft202012Validator.check_schema(schema)

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert all(part["additionalProperties"] is False for part in (schema, *schema["$defs"].values()))


def test_every_key_is_explained_to_editors() -> None:
    """Each property has a description, and no generated title or null default in the way."""
    schema = case_schema()
    properties = [
        (name, key, value)
        for name, part in {"case": schema, **schema["$defs"]}.items()
        for key, value in part["properties"].items()
    ]

    assert [(name, key) for name, key, value in properties if not value.get("description")] == []
    assert [(name, key) for name, key, value in properties if "title" in value] == []
    assert [(name, key) for name, key, value in properties if value.get("default", 0) is None] == []


def test_every_example_in_the_schema_is_valid_where_it_stands() -> None:
    """Editors offer the examples, so they must be accepted."""
    schema = case_schema()
    for part in (schema, *schema["$defs"].values()):
        for key, value in part["properties"].items():
            validator = jsonschema.Draft202012Validator({**value, "$defs": schema["$defs"]})
            for example in value.get("examples", ()):
                assert validator.is_valid(example), (key, example)


@pytest.mark.parametrize("path", GOLDEN_FILES, ids=lambda path: path.stem)
def test_every_golden_case_of_this_project_follows_the_schema(path: Path) -> None:
    """What the reader reads, editors accept."""
    assert complaints(path.read_text(encoding="utf-8")) == []


def blocks() -> list[str]:
    """Return the case files in the reference."""
    text = (REFERENCE / "case-file.md").read_text(encoding="utf-8")
    return [block for block in re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL) if "schema: 1" in block]


@pytest.mark.parametrize("text", blocks(), ids=lambda text: text.splitlines()[0])
def test_every_case_in_the_reference_is_one(read_text: Callable[..., Case], text: str) -> None:
    """Reader and schema accept what the documentation shows."""
    read_text(text)

    assert complaints(text) == []


def test_the_reference_names_every_key() -> None:
    """A key that is in the schema has its row in the table."""
    text = (REFERENCE / "case-file.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE))

    assert {path for path in all_keys(case_schema()) if not path.startswith("claude[].content[].")} <= rows


def all_keys(schema: dict[str, Any]) -> set[str]:
    """Return every key of a case file, as the reference writes it: ``claude[].tool_use.name``, ``rule.min``."""
    found: set[str] = set()
    waiting = [("", schema)]
    while waiting:
        prefix, node = waiting.pop()
        name = node.get("$ref", "").rpartition("/")[2]
        prefix = "rule" if name == "RuleForm" else prefix
        inside = {f"{prefix}.{key}".strip("."): child for key, child in node.get("properties", {}).items()}
        found |= inside.keys()
        waiting += inside.items()
        waiting += [(prefix, branch) for branch in node.get("oneOf", ())]
        waiting += [(prefix, schema["$defs"][name])] if name else []
        waiting += [(f"{prefix}[]", node["items"])] if "items" in node else []
        waiting += [(prefix, rules)] if isinstance(rules := node.get("additionalProperties"), dict) else []
    return {path.replace("tool_use[].", "tool_use.") for path in found}


@pytest.mark.parametrize(
    "text",
    [
        "inputs: {}",
        "schema: 2\ninputs: {}",
        "schema: 1\ninputs: []",
        "schema: 1\ninputs: {}\nunknown: 1",
        "schema: 1\ninputs: {}\nclaude: [{node: a}]",
        "schema: 1\ninputs: {}\nclaude: [{text: 1}]",
        "schema: 1\ninputs: {}\nclaude: [{text: a, usage: {input_tokens: -1, output_tokens: 1}}]",
        "schema: 1\ninputs: {}\nclaude: [{content: [{type: txt}]}]",
        "schema: 1\ninputs: {}\nclaude: [{tool_use: []}]",
        "schema: 1\ninputs: {}\nclaude: [{error: {status: 200}}]",
        "schema: 1\ninputs: {}\nexpect: {metrics: {a: {}}}",
        "schema: 1\ninputs: {}\nexpect: {metrics: {a: [1]}}",
        "schema: 1\ninputs: {}\nexpect: {metrics: {a: {mn: 1}}}",
        "schema: 1\ninputs: {}\nexpect: {values: {a: {min: null}}}",
        "schema: 1\ninputs: {}\nexpect: {nodes: {order: any, names: []}}",
        "schema: 1\ninputs: {}\nexpect: {budget: {calls: true}}",
        "schema: 1\ninputs: {}\nexpect: {output: 1, tolerance: {rel: 1}}",
    ],
)
def test_schema_and_reader_refuse_the_same(read_text: Callable[..., Case], text: str) -> None:
    """What is wrong in its form is wrong for both."""
    with pytest.raises(Exception, match=r"refund\.yaml"):
        read_text(text)

    assert complaints(text) != []


def test_known_keys_follow_lists_and_choices() -> None:
    """The keys behind a list, one of several forms, and a map of rules are found."""
    assert known_keys(("claude", "0", "error")) == ("status", "type", "message", "retry_after")
    assert known_keys(("claude", "0", "tool_use", "1")) == ("name", "input", "id")
    assert known_keys(("expect", "metrics", "gap"))[:2] == ("equals", "min")
    assert known_keys(("inputs", "anything")) == ()


def test_the_reader_takes_any_json_as_yaml() -> None:
    """A JSON text means the same to the case reader as to a JSON parser."""
    data = {"a": [1, -2.5, 1e-9, True, None, "no", "2026-01-01", "", "~", "0x1"], "é\n\t\"'": {}, "<<": "x"}

    assert yaml.load(json.dumps({"k": data["a"]}), Loader=CoreLoader) == {"k": data["a"]}
    assert parse_yaml(json.dumps(data)).data == data
