"""The golden cases of the pipeline hold when Claude answers as they script it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml

if TYPE_CHECKING:
    from tests.unit.e2i_rag.conftest import FakeClaude, Graph

    from e2i.rag.state import RagInput

CASES = sorted((Path(__file__).parents[3] / "golden" / "cases" / "rag").glob("*.yaml"))


def test_there_are_enough_cases() -> None:
    """A moved folder would otherwise silently test nothing."""
    assert len(CASES) >= 10


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_golden_case_holds(path: Path, claude: FakeClaude, graph: Graph) -> None:
    """Values, nodes, tools and prompts are as stated, the script is used up, and the error is the stated one."""
    golden = yaml.safe_load(path.read_text())
    expect = golden["expect"]
    script(claude, golden["claude"])

    output, nodes, error = run(graph, golden["inputs"])

    assert claude.script == []
    assert expect.get("error", {}).get("type", "NoneType") in {base.__name__ for base in type(error).__mro__}
    assert expect.get("error", {}).get("contains", "") in str(error)
    if error is None:
        assert nodes == expect["nodes"]["names"]
    assert claude.nodes == [entry["node"] for entry in golden["claude"] for _ in range(entry.get("times", 1))]
    for entry, body in zip(golden["claude"], claude.bodies, strict=False):
        assert entry.get("contains", "") in body["messages"][0]["content"]
    for name, rule in {**expect.get("values", {}), **expect.get("metrics", {})}.items():
        check(name, value_at(output, name), rule)


def script(claude: FakeClaude, entries: list[dict[str, Any]]) -> None:
    """Hand the golden's answers to the fake."""
    for entry in entries:
        if "error" in entry:
            message = entry["error"].get("message", "scripted")
            claude.fails(entry["error"]["status"], times=entry.get("times", 1), message=message)
        elif "tool_use" in entry:
            claude.calls_tool(entry["tool_use"]["name"], **entry["tool_use"]["input"])
        else:
            claude.script.append({"content": entry["content"], "stop_reason": entry["stop_reason"]})


def run(graph: Graph, inputs: RagInput) -> tuple[dict[str, Any], list[str], Exception | None]:
    """Return the output, the nodes that ended, and the error the run ended with."""
    output: dict[str, Any] = {}
    nodes: list[str] = []
    try:
        for mode, chunk in graph.stream(inputs, stream_mode=["updates", "values"]):
            if mode == "updates":
                nodes += chunk
            else:
                output = cast("dict[str, Any]", chunk)
    except Exception as error:  # noqa: BLE001 - which error it is, is what is judged
        return output, nodes, error
    return output, nodes, None


def value_at(output: object, path: str) -> object:
    """Return the value at a dotted path."""
    for key in path.split("."):
        if isinstance(output, list):
            output = output[int(key)]
        else:
            assert isinstance(output, dict), f"{path} leads into {output!r}"
            output = output[key]
    return output


def check(name: str, value: object, rule: object) -> None:
    """Assert one rule of the golden format; a bare value is what must be equal."""
    parts = rule if isinstance(rule, dict) else {"equals": rule}
    for kind, wanted in parts.items():
        assert holds(kind, value, wanted), f"{name} is {value!r}, not {kind} {wanted!r}"


def holds(kind: str, value: object, wanted: object) -> bool:
    """Return whether ``value`` fits one part of a rule."""
    match value, wanted:
        case _, _ if kind == "equals":
            return value == wanted
        case list() | str(), str() if kind == "contains":
            return wanted in value
        case str(), str() if kind == "matches":
            return re.search(wanted, value) is not None
        case int() | float(), int() | float() if kind in {"min", "max"}:
            return value >= wanted if kind == "min" else value <= wanted
    return False
