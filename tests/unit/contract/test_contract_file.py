"""Reading contract files: what they add, and what is said about what is wrong in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from e2i_eval.checks.contract import Contract, load_contract
from e2i_eval.core.errors import UsageError

REPOSITORY = Path(__file__).parents[3]


def written(folder: Path, text: str, name: str = "contract.toml") -> Path:
    """Return a contract file with ``text``."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_is_the_default_contract() -> None:
    """The default asks for calls, states and no secrets, and for nothing of the run."""
    contract = load_contract(None, "support")

    assert contract == Contract()
    assert not contract.asks_the_run


def test_a_target_adds_to_the_common_part_and_replaces_what_it_names_again(tmp_path: Path) -> None:
    """Both parts end in one contract."""
    path = written(
        tmp_path,
        'calls = {slack_ms = 5.0}\n[tags]\nteam = "growth"\nkind = "any"\n'
        '[targets.support.tags]\nkind = "support"\n[targets.support.calls]\ngaps = "refuse"\n'
        "[targets.other.tags]\nelse = true\n",
    )

    contract = load_contract(path, "support")

    demands = {name: demand.equals for section in contract.sections for name, demand in section.tags.items()}
    assert demands == {"team": "growth", "kind": "support"}
    assert (contract.calls.slack_ms, contract.calls.gaps) == (5.0, "refuse")


def test_every_demand_knows_its_line(tmp_path: Path) -> None:
    """A finding can say where its demand is written."""
    path = written(tmp_path, '# a comment\n[tags]\nteam = "growth"\n"app.version" = {matches = "1"}\n')

    (section,) = load_contract(path, "t").sections

    assert {name: demand.where for name, demand in section.tags.items()} == {
        "team": f"{path}:3",
        "app.version": f"{path}:4",
    }


def test_yaml_reads_alike(tmp_path: Path) -> None:
    """The same contract in YAML."""
    path = written(tmp_path, "tags:\n  team: growth\nonly_when:\n  - when: {output.status: ok}\n", "contract.yaml")

    common, section = load_contract(path, "t").sections

    assert common.tags["team"].equals == "growth"
    assert common.tags["team"].where == f"{path}:2"
    assert section.when == {"output.status": "ok"}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[calls]\ndemnd = []\n", 2, "unknown key 'demnd' in calls"),
        ("[tgas]\nteam = 1\n", 1, "did you mean 'tags'?"),
        ("[tags]\nteam = {equal = 1}\n", 2, "did you mean 'equals'?"),
        ('[targets.a.trace]\nstat = "OK"\n', 2, "did you mean 'state'?"),
        ('[[spans]]\nname = "a"\n\n[[spans]]\nnaem = "b"\n', 5, "did you mean 'name'?"),
        ("[[only_when]]\n[only_when.metric]\na = 1\n", 2, "did you mean 'metrics'?"),
        ("[tags]\nteam = {where = 1}\n", 2, "unknown key 'where'"),
        ('[calls]\ndemand = ["prompts"]\n', 2, "calls.demand"),
        ("[calls]\nslack_ms = 'much'\n", 2, "slack_ms"),
        ('[trace]\nstate = "FINE"\n', 2, "'FINE'"),
        ("schema = 2\n", 1, "schema"),
        ('[tags]\nteam = "{outputs.a}"\n', 2, "did you mean 'output'?"),
        ('[metrics]\ncost = "{wire.cost}"\n', 2, "did you mean 'wire.cost_usd'?"),
        ('[[only_when]]\nwhen = {"status" = "ok"}\n', 2, "nothing is called 'status'"),
        ("[tags]\nteam = {matches = '['}\n", 2, "is no regular expression"),
        ("[secrets.patterns]\nid = '('\n", 2, "is no regular expression"),
        ("[tags\n", 1, "this is no TOML"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_the_nearest_key(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    """Nothing is ignored."""
    path = written(tmp_path, text)

    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        load_contract(path, "a")

    assert caught.value.where == f"{path}:{line}"


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    """The message names the path."""
    with pytest.raises(UsageError, match="cannot be read") as caught:
        load_contract(tmp_path / "none.toml", "t")

    assert caught.value.where == str(tmp_path / "none.toml")


def test_the_example_of_the_reference_is_a_contract(tmp_path: Path) -> None:
    """What the documentation shows can be read."""
    text = (REPOSITORY / "docs" / "reference" / "contract.md").read_text(encoding="utf-8")
    example = text.partition("```toml\n")[2].partition("```")[0]

    contract = load_contract(written(tmp_path, example), "support")

    assert [sorted(section.metrics) for section in contract.sections] == [["cost_usd", "latency_ms"], ["confidence"]]


@pytest.mark.parametrize("target", ["causal_impact", "gap_analyzer", "drift_monitor", "rag", "unheard_of"])
def test_the_platforms_contract_reads_for_every_target(target: str) -> None:
    """One file holds all targets."""
    contract = load_contract(REPOSITORY / "evals" / "contract.toml", target)

    assert contract.asks_the_run
    assert (contract.rag is not None) == (target == "rag")
