"""Agents' YAML files are checked at the door, and a mistake is told with its line and what to type instead."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from e2i.config import AgentConfig, AgentConfigError, agent_config
from e2i.config.agent import AGENTS_FOLDER
from e2i.config.agent_file import read_form
from e2i.config.schema import agent_schema

DOCS = Path(__file__).parents[3] / "docs" / "reference"
FILES = sorted(AGENTS_FOLDER.glob("*.yaml"))
GOOD = """\
agent: gap
tier: 2
use_case: causal-analytics
mlflow_experiment: e2i/{brand}/tier-{tier}/{agent}
log_prompts: true
model: claude-sonnet-5-5
max_tokens: 1024
prompts: {summarise: "1"}
metrics:
  gap_score: gap_score
"""
WRITTEN_OUT = {"mlflow_experiment", "log_prompts", "log_artifacts", "model", "max_tokens", "prompts", "metrics"}
MISTAKES = [
    ("log_prompts: true", "log_prompt: false", "{f}:5: unknown key 'log_prompt'; did you mean 'log_prompts'?"),
    ("tier: 2", "tier: 2\nzebra: 1", "{f}:3: unknown key 'zebra'; known are agent, tier, use_case"),
    ("model: claude-sonnet-5-5\n", "", '{f}:1: model is missing; write e.g. model: "claude-sonnet-5-5"'),
    ("max_tokens: 1024", "max_tokens: many", "{f}:7: max_tokens is 'many', which is not allowed (Input should be"),
    ("max_tokens: 1024", "max_tokens: 0", "{f}:7: max_tokens is 0, which is not allowed (Input should be greater than"),
    ("tier: 2", "tier: 6", "{f}:2: tier is 6, which is not allowed (Input should be less than or equal to 5); write"),
    ("log_prompts: true", "log_prompts: perhaps", "{f}:5: log_prompts is 'perhaps', which is not allowed"),
    ("claude-sonnet-5-5", "gpt-4", "{f}:6: model is 'gpt-4', which is not allowed"),
    ("{brand}", "{brnad}", "{f}:4: mlflow_experiment is 'e2i/{brnad}/tier-{tier}/{agent}', which is not allowed"),
    ('{summarise: "1"}', "{}", "{f}:8: prompts is {}, which is not allowed"),
    ('{summarise: "1"}', "{summarise: 1}", "{f}:8: prompts.summarise is 1, which is not allowed"),
    ('{summarise: "1"}', "{summarise: 1}", 'put it in quotes: "1"'),
    ('{summarise: "1"}', '{summarise: ""}', "{f}:8: prompts.summarise is '', which is not allowed"),
    ("gap_score: gap_score", "gap_score: a..b", "{f}:10: metrics.gap_score is 'a..b', which is not allowed"),
    ("gap_score: gap_score", '"gap%": gap', "{f}:10: the name 'gap%' in metrics is not allowed"),
    ("tier: 2", "tier: 2\ntier: 3", "{f}:3: tier is given twice, first on line 2; keep one"),
    ("  gap_score: gap_score", "  gap: gap\n  gap: gap", "{f}:11: metrics.gap is given twice, first on line 10"),
    ("tier: 2", "config_version: abc\ntier: 2", "{f}:2: config_version is derived from the file; remove it"),
    ("tier: 2", "\ttier: 2", "{f}:2: not valid YAML: while scanning for the next token: found character"),
    (GOOD, "- a list", "{f}:1: not a mapping of keys to values; begin with 'agent: gap'"),
    (GOOD, "", "{f}:1: not a mapping of keys to values; begin with 'agent: gap'"),
]


def read(text: str, folder: Path) -> AgentConfig:
    """Read a text as the configuration of the agent ``gap``."""
    path = folder / "gap.yaml"
    path.write_text(text, encoding="utf-8")
    return read_form(path, AgentConfig, config_version="cafe")


def test_a_good_file_is_read(tmp_path: Path) -> None:
    """What is not written has its default."""
    config = read(GOOD, tmp_path)

    assert (config.agent, config.metrics, config.log_artifacts) == ("gap", {"gap_score": "gap_score"}, True)
    assert config.config_version == "cafe"


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES, ids=[mistake[1][:30] for mistake in MISTAKES])
def test_a_mistake_says_where_and_what_to_type(right: str, wrong: str, message: str, tmp_path: Path) -> None:
    """File, line, field, value and a way out, for each kind of mistake."""
    assert right in GOOD
    with pytest.raises(AgentConfigError) as raised:
        read(GOOD.replace(right, wrong), tmp_path)

    assert message.replace("{f}", str(tmp_path / "gap.yaml")) in str(raised.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Nobody has to run a file as often as it has mistakes."""
    with pytest.raises(AgentConfigError) as raised:
        read(GOOD.replace("tier: 2", "tier: x").replace("log_prompts", "log_prompt"), tmp_path)

    assert [line.split(": ")[0].rpartition(":")[2] for line in str(raised.value).splitlines()] == ["2", "5"]


def test_no_text_is_no_stack_trace(tmp_path: Path) -> None:
    """A file in another encoding is a mistake like others."""
    path = tmp_path / "gap.yaml"
    path.write_bytes(b"agent: g\xe4p")

    with pytest.raises(AgentConfigError, match=r"gap.yaml:1: not a text in UTF-8 .*; save it as UTF-8"):
        read_form(path, AgentConfig)


def test_an_unknown_agent_is_told_the_known_ones() -> None:
    """The message lists what could have been meant."""
    with pytest.raises(AgentConfigError, match=r"no configuration for agent 'zebra'.*known agents: causal_impact, "):
        agent_config("zebra")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_agent_says_what_is_logged(path: Path) -> None:
    """Nothing that decides what is logged is left to a default, and the file is named after its agent."""
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    config = agent_config(path.stem)

    assert written.keys() >= WRITTEN_OUT
    assert config.mlflow_experiment
    assert config.metrics
    assert config.config_version


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_schema_takes_every_file(path: Path) -> None:
    """Editors show no false mistake."""
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), agent_schema())


@pytest.mark.parametrize("wrong", ["log_prompt: false", "tier: 9", "model: gpt-4", "mlflow_experiment: 'e2i/{brnad}'"])
def test_the_schema_refuses_what_the_platform_refuses(wrong: str) -> None:
    """Editors show the mistakes that matter most."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(GOOD) | yaml.safe_load(wrong), agent_schema())


def test_the_published_schema_is_current() -> None:
    """The file that editors read is made of the code that reads the files."""
    published = json.loads((DOCS / "agent-config.schema.json").read_text(encoding="utf-8"))

    assert published == agent_schema(), "run: python -m e2i.config.schema > docs/reference/agent-config.schema.json"


def test_every_key_is_described() -> None:
    """The page of agents' files has a row for each key that may be written."""
    page = (DOCS / "agent-config.md").read_text(encoding="utf-8")

    assert [name for name in AgentConfig.model_fields if f"| `{name}`" not in page] == ["config_version"]
