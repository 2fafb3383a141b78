"""Every golden of these agents plays: the graph, Claude as scripted, and what the golden expects."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
import yaml

from e2i.agents import catalogue
from e2i.config import agent_config
from e2i_eval.dataset.case_file.reader import read_case

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = Path(__file__).parents[2] / "golden" / "cases"
FILES = [path for agent in catalogue.AGENTS for path in sorted((CASES / agent).glob("*.yaml"))]
NESTED = {"orchestrator", "explainer"}
"""They call other agents, in parallel: the evaluation plays their cases, as it tells callers apart by node."""
PLAYABLE = [path for path in FILES if path.parent.name not in NESTED]


@pytest.mark.parametrize("path", PLAYABLE, ids=[f"{path.parent.name}/{path.stem}" for path in PLAYABLE])
def test_golden_plays(path: Path, claude: Callable[..., list[dict[str, Any]]]) -> None:
    """The output keeps every rule, nodes and tool calls are as stated, and Claude is asked exactly as scripted."""
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    agent, expect = path.parent.name, case["expect"]
    sent = claude(*case.get("claude", []))
    graph = catalogue.build(agent)
    if "error" in expect:
        with pytest.raises(getattr(anthropic, expect["error"]["type"]), match=expect["error"]["contains"]):
            graph.invoke(case["inputs"])
        return
    visited, output = _run(graph, case["inputs"])
    metrics = {name: output[source] for name, source in agent_config(agent).metrics.items()}
    rules = [(output, expect.get("values", {})), (metrics, expect.get("metrics", {}))]

    broken = {
        name: rule for data, group in rules for name, rule in group.items() if not _keeps(_value(data, name), rule)
    }
    assert not broken, json.dumps(output, indent=1)
    assert visited == expect.get("nodes", {"names": visited})["names"]
    assert all(body["model"] == agent_config(agent).model for body in sent)


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}/{path.stem}" for path in FILES])
def test_golden_is_read_by_the_harness(path: Path) -> None:
    """The product's own reader accepts the file and names it after its place."""
    case = read_case(path, root=CASES.parent, known_targets=list(catalogue.AGENTS))

    assert case.id == f"{path.parent.name}/{path.stem}"


def _run(graph: Any, inputs: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:  # noqa: ANN401  # any compiled graph
    visited: list[str] = []
    output: dict[str, Any] = {}
    for mode, chunk in graph.stream(inputs, stream_mode=["updates", "values"]):
        if mode == "updates":
            visited += list(chunk)
        else:
            output = chunk
    return visited, json.loads(json.dumps(output, allow_nan=False))


def _value(data: Any, path: str) -> Any:  # noqa: ANN401  # any JSON
    for key in path.split("."):
        data = data[int(key)] if isinstance(data, list) else data[key]
    return data


def _keeps(value: Any, rule: Any) -> bool:  # noqa: ANN401  # any JSON
    if not isinstance(rule, dict):
        return bool(value == rule)
    kept = [
        value == rule.get("equals", value),
        "min" not in rule or value >= rule["min"],
        "max" not in rule or value <= rule["max"],
        "contains" not in rule or rule["contains"] in value,
        "matches" not in rule or re.search(rule["matches"], value) is not None,
    ]
    return all(kept)
