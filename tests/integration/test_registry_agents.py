"""Agents in MLflow's model registry: content, aliases, deployments."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow as mlflow_library
import pytest
import yaml
from mlflow import MlflowClient

from e2i.config import agent_config, using
from e2i.mlops.agent_registry import AgentRegistry, UnknownVersionError, model_name
from e2i.mlops.agent_version import DamagedVersionError
from e2i.mlops.config_variant import varied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2i.config import AgentConfig
    from e2i.mlops import MlflowConfig

    MakeAgent = Callable[..., AgentConfig]

PROMPTS = {"plan": {"3": "Plan with care — “always”.", "4": "Plan."}}
START_S = 1_780_000_000.0


@pytest.fixture
def registry(mlflow: MlflowConfig) -> Iterator[AgentRegistry]:
    """The registry of the server, on a clock that goes a second a look."""
    ticks = iter(range(1_000))
    registry = AgentRegistry(mlflow, now_s=lambda: START_S + next(ticks), who="release-bot")
    yield registry
    registry.close()


@pytest.fixture
def config(request: pytest.FixtureRequest, agent: MakeAgent) -> AgentConfig:
    """The configuration of an agent that no other test has."""
    return agent(agent=str(request.node.name).replace("test_", "")[:60])


@pytest.fixture
def three(registry: AgentRegistry, config: AgentConfig) -> list[str]:
    """Three versions of the agent, in production one after the other."""
    versions = [registry.register(varied(config, max_tokens=tokens), PROMPTS) for tokens in (100, 200, 300)]
    for version in versions:
        registry.promote(config.agent, version, f"release {version}")
    return versions


def client_of(mlflow: MlflowConfig) -> MlflowClient:
    """Return MLflow's own client, which reads what the UI reads."""
    return MlflowClient(mlflow.tracking_uri, registry_uri=mlflow.tracking_uri)


def test_a_version_is_complete_and_readable(
    mlflow: MlflowConfig, registry: AgentRegistry, config: AgentConfig, tmp_path: Path
) -> None:
    """MLflow's own client finds the version, its run and its files, and the files say everything."""
    version = registry.register(config, PROMPTS, settings={"top_k": 3}, message="first", alias="staging")
    client = client_of(mlflow)
    found: Any = client.get_model_version_by_alias(model_name(config.agent), "staging")
    run = client.get_run(found.run_id)
    mlflow_library.set_tracking_uri(mlflow.tracking_uri)
    try:
        uri = f"models:/{model_name(config.agent)}@staging"
        folder = Path(mlflow_library.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(tmp_path)))
    finally:
        mlflow_library.set_tracking_uri(None)  # type: ignore[arg-type]  # None is what it is before it is set

    assert (str(found.version), found.description, found.status) == (version, "first", "READY")
    assert run.info.status == "FINISHED"
    assert run.data.params == {
        "model": "claude-sonnet-5-5",
        "max_tokens": "100",
        "prompt/plan": "3",
        "setting/top_k": "3",
    }
    files = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert files["prompts/plan.3.txt"] == PROMPTS["plan"]["3"]
    assert yaml.safe_load(files["agent.yaml"]) == config.model_dump(exclude={"config_version"})
    assert set(files) == {"agent.yaml", "prompts/plan.3.txt", "version.json"}


def test_the_same_content_is_the_same_version(registry: AgentRegistry, config: AgentConfig) -> None:
    """Anything that changes the agent makes a version, and nothing else does."""
    first = registry.register(config, PROMPTS)
    others = [
        registry.register(varied(config, max_tokens=7), PROMPTS),
        registry.register(varied(config, prompts={"plan": "4"}), PROMPTS),
        registry.register(config, {"plan": {"3": "Plan carelessly."}}),
        registry.register(config, PROMPTS, settings={"top_k": 3}),
    ]

    assert registry.register(config, PROMPTS, message="again") == first
    assert len({first, *others}) == 5


def test_many_processes_register_one_version(mlflow: MlflowConfig, config: AgentConfig) -> None:
    """Six that register the same content at once agree on one version, and only one is left."""
    with ThreadPoolExecutor(6) as pool:
        versions = set(pool.map(lambda _: AgentRegistry(mlflow).register(config, PROMPTS), range(6)))
    left = client_of(mlflow).search_model_versions(f"name = '{model_name(config.agent)}'")

    assert [str(version.version) for version in left] == list(versions)


def test_what_is_loaded_is_what_was_registered(registry: AgentRegistry, config: AgentConfig) -> None:
    """A loaded version equals the registered one, and is what the agent then works under."""
    version = registry.register(config, PROMPTS, settings={"top_k": 3}, alias="staging")

    loaded = registry.load_version(config.agent, "staging")

    assert loaded == registry.load_version(config.agent, version)
    assert (loaded.config, loaded.settings, loaded.texts) == (config, {"top_k": 3}, {"plan": PROMPTS["plan"]["3"]})
    with using(registry.load(config.agent, "staging")):
        assert agent_config(config.agent) == config


def test_a_damaged_version_is_neither_loaded_nor_promoted(
    mlflow: MlflowConfig, registry: AgentRegistry, config: AgentConfig, tmp_path: Path
) -> None:
    """Somebody who replaces a version's file is found out by its hash."""
    version = registry.register(config, PROMPTS)
    client = client_of(mlflow)
    found: Any = client.get_model_version(model_name(config.agent), version)
    forged = tmp_path / "version.json"
    forged.write_text("{}")
    client.log_artifact(found.run_id, str(forged), "agent")

    with pytest.raises(DamagedVersionError, match=r"version.json has the hash"):
        registry.load(config.agent, version)
    with pytest.raises(DamagedVersionError):
        registry.promote(config.agent, version, "looks fine")
    assert registry.version_of(config.agent) is None


def test_the_history_tells_who_when_and_why(
    registry: AgentRegistry, config: AgentConfig, three: list[str], mlflow: MlflowConfig
) -> None:
    """Every deployment is kept, oldest first, with what was there before; anybody who asks reads the same."""
    history = registry.history(config.agent)

    assert [(one.from_version, one.to_version) for one in history] == [(None, "1"), ("1", "2"), ("2", "3")]
    assert [one.reason for one in history] == [f"release {version}" for version in three]
    assert {one.who for one in history} == {"release-bot"}
    assert [one.at_ms for one in history] == sorted(one.at_ms for one in history)
    assert history[0].at_ms >= START_S * 1000
    assert AgentRegistry(mlflow).history(config.agent) == history


def test_promoting_what_is_in_production_changes_nothing(
    registry: AgentRegistry, config: AgentConfig, three: list[str]
) -> None:
    """A deployment that is repeated is not a deployment."""
    assert registry.promote(config.agent, three[-1], "once more") is None
    assert len(registry.history(config.agent)) == 3


def test_rollbacks_go_back_step_by_step(registry: AgentRegistry, config: AgentConfig, three: list[str]) -> None:
    """After a rollback the one before is next, and never the one that was just taken out."""
    first, second, third = three
    steps = [registry.rollback(config.agent, "worse").to_version for _ in range(2)]
    in_production = registry.load(config.agent).max_tokens

    with pytest.raises(UnknownVersionError, match=f"version {first} is in production, and none was before it"):
        registry.rollback(config.agent, "worse still")
    registry.promote(config.agent, third, "mended")

    assert steps == [second, first]
    assert in_production == 100
    assert registry.rollback(config.agent, "no").to_version == first
    actions = [one.action for one in registry.history(config.agent)]
    assert actions == ["promote"] * 3 + ["rollback", "rollback", "promote", "rollback"]


def test_a_rollback_after_a_change_by_hand(
    mlflow: MlflowConfig, registry: AgentRegistry, config: AgentConfig, three: list[str]
) -> None:
    """Where the alias was moved in the UI, a rollback goes to what was deployed last."""
    client_of(mlflow).set_registered_model_alias(model_name(config.agent), "production", three[0])

    done = registry.rollback(config.agent, "who did that?")

    assert (done.from_version, done.to_version) == (three[0], three[2])


def test_deployments_at_once_are_all_kept(mlflow: MlflowConfig, config: AgentConfig, registry: AgentRegistry) -> None:
    """Two that deploy at the same moment do not overwrite each other's entry."""
    versions = [registry.register(varied(config, max_tokens=tokens), PROMPTS) for tokens in (1, 2, 3, 4)]

    def promote(version: str) -> None:
        AgentRegistry(mlflow, now_s=lambda: START_S).promote(config.agent, version, "race")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(promote, versions))

    assert sorted(one.to_version for one in registry.history(config.agent)) == sorted(versions)
    assert registry.version_of(config.agent) in versions


def test_what_is_not_there_is_said(registry: AgentRegistry, config: AgentConfig) -> None:
    """Unknown agents, versions and aliases are named; a prompt version nobody wrote is not registered."""
    with pytest.raises(UnknownVersionError, match=r"'e2i-nobody' has no version or alias 'production'"):
        registry.load("nobody")
    with pytest.raises(UnknownVersionError, match="cannot be rolled back: none is in production"):
        registry.rollback("nobody", "why not")
    with pytest.raises(KeyError, match="'9'"):
        registry.register(varied(config, prompts={"plan": "9"}), PROMPTS)
    assert registry.history("nobody") == []
