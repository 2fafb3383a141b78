"""Prompts in MLflow's prompt registry: versions, aliases, links from calls, and two versions side by side."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.runnables import Runnable, RunnableLambda
from mlflow import MlflowClient

from e2i.mlops import MlflowConfig, flush, observe
from e2i.mlops.ab_test import AbTest, compare_arms, read_arms
from e2i.mlops.config_variant import varied
from e2i.mlops.prompt_links import PromptLinks
from e2i.mlops.prompt_registry import (
    PromptNotFoundError,
    PromptRegistry,
    PromptVersion,
    RewrittenPromptError,
    prompt_name,
)
from e2i.mlops.tracking_client import ServerUnavailableError, TrackingClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.conftest import Gateway

    from e2i.config import AgentConfig

    MakeAgent = Callable[..., AgentConfig]

TEXTS = {"plan": {"1": "Plan with care.", "2": "Plan quickly: {{ braces }} are only text, 'quotes' as well."}}


@pytest.fixture
def registry(mlflow: MlflowConfig) -> Iterator[PromptRegistry]:
    """The registry of the server."""
    registry = PromptRegistry(mlflow)
    yield registry
    registry.close()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """An agent that no other test has."""
    return str(request.node.name).replace("test_", "")[:60]


def client_of(mlflow: MlflowConfig) -> MlflowClient:
    """Return MLflow's own client, which reads what the UI reads."""
    return MlflowClient(mlflow.tracking_uri, registry_uri=mlflow.tracking_uri)


def delivered() -> None:
    """Flush, and fail if anything was not taken."""
    result = flush(60)
    assert (result.pending, result.dropped) == (0, 0), result.reason


def test_a_prompt_is_one_of_mlflows(mlflow: MlflowConfig, registry: PromptRegistry, name: str) -> None:
    """MLflow's own client loads what was registered, with message and tags."""
    made = registry.register(name, "plan", "1", TEXTS["plan"]["1"], message="the first one")
    loaded: Any = client_of(mlflow).load_prompt(f"prompts:/e2i.{name}.plan/1")

    assert made.uri == f"prompts:/e2i.{name}.plan/1"
    assert loaded.template == TEXTS["plan"]["1"]
    assert loaded.commit_message == "the first one"
    assert {"e2i.agent": name, "e2i.prompt": "plan", "e2i.source_version": "1"}.items() <= loaded.tags.items()
    assert len(loaded.tags["e2i.content_sha256"]) == 64


def test_registering_again_finds_the_same_version(registry: PromptRegistry, name: str) -> None:
    """The same text twice is one version; all versions of all prompts go in at once."""
    first = registry.register_all(name, TEXTS)

    again = registry.register_all(name, TEXTS, message="deployed once more")

    assert again == first
    assert [made.version for made in first] == ["1", "2"]
    assert [made.text for made in first] == list(TEXTS["plan"].values())


def test_a_version_is_never_rewritten(registry: PromptRegistry, name: str) -> None:
    """Another text under a known version is refused, and nothing is registered."""
    registry.register(name, "plan", "1", "Plan.")

    with pytest.raises(RewrittenPromptError, match="give the new text a new version"):
        registry.register(name, "plan", "1", "Plan otherwise.")
    with pytest.raises(PromptNotFoundError):
        registry.load_prompt(prompt_name(name, "plan"), "2")


def test_many_processes_register_one_version(mlflow: MlflowConfig, name: str) -> None:
    """Eight that register the same text at once agree on one version, and only one is left."""

    def register(_number: int) -> PromptVersion:
        return PromptRegistry(mlflow).register(name, "plan", "1", "Plan.")

    with ThreadPoolExecutor(8) as pool:
        versions = {made.version for made in pool.map(register, range(8))}
    left = client_of(mlflow).search_model_versions(
        f"name = 'e2i.{name}.plan' AND tags.`mlflow.prompt.is_prompt` = 'true'"
    )

    assert len(versions) == 1
    assert [str(version.version) for version in left] == list(versions)


@pytest.mark.parametrize(("agent", "version"), [("a/b", "1"), ("it's", "1"), ("fine", "1' OR 1")])
def test_a_name_the_registry_refuses_is_said_early(registry: PromptRegistry, agent: str, version: str) -> None:
    """The message tells what may be used, before anything is sent."""
    with pytest.raises(ValueError, match="use letters, digits"):
        registry.register(agent, "plan", version, "text")


def test_an_alias_is_followed_within_a_minute(mlflow: MlflowConfig, registry: PromptRegistry, name: str) -> None:
    """A reader keeps what an alias stood for; after a minute it looks again."""
    first, second = registry.register_all(name, TEXTS)
    now = [0.0]
    reader = PromptRegistry(mlflow, now_s=lambda: now[0])
    registry.set_alias(first, "production")
    before = reader.load_prompt(first.name, "production")
    registry.set_alias(second, "production")

    at_once = reader.load_prompt(first.name, "production")
    now[0] = 61.0
    later = reader.load_prompt(first.name, "production")

    assert (before, at_once, later) == (first, first, second)


def test_loading_what_is_not_there_says_so(registry: PromptRegistry, name: str) -> None:
    """Unknown prompts, versions and aliases are one error that names them."""
    registry.register(name, "plan", "1", "Plan.")

    for prompt, version in (("e2i.nobody.plan", "1"), (f"e2i.{name}.plan", "7"), (f"e2i.{name}.plan", "staging")):
        with pytest.raises(PromptNotFoundError, match=f"'{prompt}' with version or alias '{version}'"):
            registry.load_prompt(prompt, version)


def test_an_alias_configures_an_agent(registry: PromptRegistry, agent: MakeAgent, name: str) -> None:
    """What the alias stands for is in the configuration, under a configuration version of its own."""
    config = agent(agent=name, prompts={"plan": "1"})
    registry.set_alias(registry.register_all(name, TEXTS)[1], "candidate")

    configured = registry.configured(config, "candidate", prompts=TEXTS)
    untouched = registry.configured(config, "production", prompts=TEXTS)

    assert configured.prompts == {"plan": "2"}
    assert configured.config_version not in {"", config.config_version}
    assert untouched == config


def test_a_text_that_is_not_in_code_is_refused(
    mlflow: MlflowConfig, registry: PromptRegistry, agent: MakeAgent, name: str
) -> None:
    """A prompt that somebody wrote in the UI cannot silently become what the logs say was used."""
    registry.register_all(name, TEXTS)
    client = client_of(mlflow)
    made: Any = client.register_prompt(f"e2i.{name}.plan", "Written in the UI.")
    client.set_prompt_alias(f"e2i.{name}.plan", "production", int(made.version))

    with pytest.raises(RewrittenPromptError, match=r"plan/3 \(production\) is not the text of version ''"):
        registry.configured(agent(agent=name), "production", prompts=TEXTS)


def test_a_call_is_linked_to_its_prompt_versions(
    mlflow: MlflowConfig, registry: PromptRegistry, agent: MakeAgent, name: str
) -> None:
    """Trace and run carry MLflow's own tag, and the trace is found by its prompt version."""
    registry.register_all(name, {"plan": {"0": "Plan?", **TEXTS["plan"]}})
    config = agent(agent=name, prompts={"plan": "2", "unregistered": "1"})
    answering: Runnable[Any, Any] = RunnableLambda(lambda _: {"confidence": 1})
    observe(answering, config, mlflow=mlflow).invoke({})
    delivered()
    client = client_of(mlflow)
    experiment: Any = client.get_experiment_by_name(config.mlflow_experiment.format(brand="all-brands"))
    (run,) = client.search_runs([experiment.experiment_id])
    where = {"locations": [experiment.experiment_id]}
    (trace,) = client.search_traces(**where, filter_string=f'prompt = "e2i.{name}.plan/3"')

    linked = [{"name": f"e2i.{name}.plan", "version": "3"}]
    assert json.loads(run.data.tags["mlflow.linkedPrompts"]) == linked
    assert json.loads(trace.info.tags["mlflow.linkedPrompts"]) == linked
    assert trace.info.tags["e2i.prompt_version"] == "plan=2,unregistered=1"
    assert not client.search_traces(**where, filter_string=f'prompt = "e2i.{name}.plan/2"')


def test_unregistered_prompts_are_asked_for_once_a_minute(mlflow: MlflowConfig, name: str) -> None:
    """A lookup that found nothing is repeated after a minute, one that found something never."""
    now = [100.0]
    asked: list[str] = []

    class Counting(TrackingClient):
        def get(self, path: str, **query: str) -> dict[str, object]:
            asked.append(path)
            return super().get(path, **query)

    links = PromptLinks(Counting(mlflow), now_s=lambda: now[0])
    before = [links.of(name, {"plan": "1"}) for _ in range(3)]
    PromptRegistry(mlflow).register(name, "plan", "1", "Plan.")
    now[0] += 61.0
    after = [links.of(name, {"plan": "1"}) for _ in range(3)]

    assert before == [[], [], []]
    assert after == [[{"name": f"e2i.{name}.plan", "version": "1"}]] * 3
    assert len(asked) == 2


def test_a_registry_that_is_away_holds_nothing_back(
    mlflow: MlflowConfig, gateway: Gateway, registry: PromptRegistry, name: str
) -> None:
    """The link is missing, the call is not; the registry is asked again after five seconds, and not call by call."""
    registry.register(name, "plan", "1", "Plan.")
    now = [100.0]
    links = PromptLinks(TrackingClient(replace(mlflow, tracking_uri=gateway.uri)), now_s=lambda: now[0])
    gateway.mode = "unavailable"
    away = [links.of(name, {"plan": "1", "other": "1"}) for _ in range(3)]
    asked = len(gateway.paths)
    gateway.mode = "pass"
    now[0] += 6.0

    assert away == [[], [], []]
    assert asked == 1
    assert links.of(name, {"plan": "1"}) == [{"name": f"e2i.{name}.plan", "version": "1"}]


def test_the_registry_says_when_the_server_is_away(mlflow: MlflowConfig) -> None:
    """Whoever registers must know that nothing was registered."""
    with pytest.raises(ServerUnavailableError, match="cannot be reached"):
        PromptRegistry(replace(mlflow, tracking_uri="http://127.0.0.1:1")).register("a", "b", "1", "text")


def test_an_ab_test_is_read_back_from_its_runs(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Each session gets its arm's prompt; the arms' means are over sessions, and failures are counted apart."""
    config = agent(metrics={"score": "score"}, prompts={"plan": "1"})
    test = AbTest(name="shorter", control=config, treatment=varied(config, prompts={"plan": "2"}))

    def answer(inputs: dict[str, Any]) -> dict[str, float]:
        if inputs["fails"]:
            msg = "no answer"
            raise ValueError(msg)
        return {"score": inputs["score"]} if inputs["score"] else {}

    control, treatment = (observe(RunnableLambda(answer), one, mlflow=mlflow) for one in (test.control, test.treatment))
    observed = {"control": control, "treatment": treatment}
    keys = [f"session-{number}" for number in range(56)]
    for number, key in enumerate([*keys, *keys[:5]]):
        shift = 2.0 if test.arm(key) == "treatment" else 0.0
        inputs = {"score": number % 5 + 1 + shift, "fails": False, "brand": "Kisqali" if number % 2 else ""}
        observed[test.arm(key)].invoke(inputs, config={"metadata": test.metadata(key)})
    with pytest.raises(ValueError, match="no answer"):
        control.invoke({"fails": True}, config={"metadata": test.metadata("session-1")})
    control.invoke({"score": 0, "fails": False}, config={"metadata": test.metadata("session-1")})
    control.invoke({"score": 99, "fails": False})
    delivered()

    arms = read_arms(mlflow, test, "score")
    found = compare_arms("score", arms["control"], arms["treatment"])

    sizes = [sum(test.arm(key) == arm for key in keys) for arm in ("control", "treatment")]
    assert [len(found.control.values), len(found.treatment.values)] == sizes
    assert found.control.calls + found.treatment.calls == 63
    arm = arms[test.arm("session-1")]
    assert (arm.failed, arm.unmeasured) == (1, 1)
    assert found.verdict == "treatment_higher"
    assert found.interval is not None
    assert found.interval[0] < 2.0 < found.interval[1]
