"""The environment is read once, checked, and never printed with its secrets."""

from __future__ import annotations

import ast
import itertools
import logging
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values

from e2i.mlops.mlflow_config import MlflowConfig, MlflowConfigError, experiment_name
from e2i.mlops.tracking_client import TrackingClient

ROOT = Path(__file__).parents[3]
VARIABLE = re.compile(r"\b(?:LOCALAPPDATA|(?:E2I|MLFLOW|ANTHROPIC|GITHUB|GIT|XDG)(?:_[A-Z0-9]+)+)\b")
READ_BY_LIBRARIES = {"ANTHROPIC_API_KEY"}
SERVER = {"MLFLOW_TRACKING_URI": "http://mlflow:5000/"}


def test_without_an_address_logging_is_off() -> None:
    """An unconfigured process runs, and logs nowhere."""
    assert not MlflowConfig.from_environment({}).enabled


def test_a_server_is_enough() -> None:
    """All else has a default."""
    config = MlflowConfig.from_environment(SERVER)

    assert config.enabled
    assert config.tracking_uri == "http://mlflow:5000"
    assert (config.connect_timeout_s, config.read_timeout_s) == (2.0, 5.0)
    assert config.default_experiment == "e2i-causal-analytics"


def test_every_variable_is_read() -> None:
    """The variables of the platform's documentation arrive in their fields."""
    config = MlflowConfig.from_environment(
        {
            **SERVER,
            "MLFLOW_EXPERIMENT_NAME": "other",
            "MLFLOW_EXPERIMENT_ID": "12",
            "MLFLOW_RUN_ID": "0123456789abcdef0123456789abcdef",
            "MLFLOW_ARTIFACT_LOCATION": "s3://bucket/e2i/",
            "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "true",
            "MLFLOW_TRACKING_USERNAME": "jo",
            "MLFLOW_TRACKING_PASSWORD": "pw",
            "E2I_SPOOL_DIR": "/var/spool/e2i",
            "E2I_SPOOL_MAX_MB": "2",
            "E2I_MLFLOW_READ_TIMEOUT_S": "7.5",
        }
    )

    assert (config.default_experiment, config.experiment_id) == ("other", "12")
    assert config.run_id == "0123456789abcdef0123456789abcdef"
    assert config.artifact_location == "s3://bucket/e2i"
    assert config.system_metrics
    assert (config.username, config.password) == ("jo", "pw")
    assert str(config.spool_dir) == "/var/spool/e2i"
    assert (config.spool_max_bytes, config.read_timeout_s) == (2 * 1024 * 1024, 7.5)


@pytest.mark.parametrize("location", ["./mlflow-artifacts", "/data/artifacts", "file:///data"])
def test_a_path_leaves_the_artifacts_to_the_server(location: str) -> None:
    """Clients must not write artifacts to their own disks."""
    assert MlflowConfig.from_environment({**SERVER, "MLFLOW_ARTIFACT_LOCATION": location}).artifact_location is None


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("E2I_MLFLOW_ENABLED", "maybe", "E2I_MLFLOW_ENABLED is 'maybe'; set it to true or false"),
        ("E2I_SPOOL_MAX_MB", "-1", "E2I_SPOOL_MAX_MB is '-1'; set it to a number greater than 0, e.g. 64"),
        ("E2I_MLFLOW_READ_TIMEOUT_S", "soon", "E2I_MLFLOW_READ_TIMEOUT_S is 'soon'; set it to a number greater than 0"),
        ("E2I_MLFLOW_CONNECT_TIMEOUT_S", "nan", "E2I_MLFLOW_CONNECT_TIMEOUT_S is 'nan'; set it to a number"),
        ("MLFLOW_RUN_ID", "a b", "MLFLOW_RUN_ID is 'a b'; set it to an id as MLflow shows it"),
        ("MLFLOW_TRACKING_URI", "http://:5000", "MLFLOW_TRACKING_URI is 'http://:5000'; set it to http://HOST:PORT"),
        ("MLFLOW_TRACKING_URI", "http://u:pw@h:x", "MLFLOW_TRACKING_URI is 'http://h:x'; set it to http://HOST:PORT"),
        ("MLFLOW_TRACKING_USERNAME", "jo", "MLFLOW_TRACKING_PASSWORD is not set; set it as well"),
    ],
)
def test_a_bad_value_says_what_to_type(variable: str, value: str, message: str) -> None:
    """The error names the variable, its value and a value that works."""
    with pytest.raises(MlflowConfigError) as raised:
        MlflowConfig.from_environment({**SERVER, variable: value})

    assert str(raised.value).startswith(message)


def test_secrets_are_not_printed() -> None:
    """Neither the password of the address, nor the variables' appear in a dump of the configuration."""
    by_password = MlflowConfig.from_environment({"MLFLOW_TRACKING_URI": "https://jo:hunter2@mlflow"})
    by_token = MlflowConfig.from_environment({**SERVER, "MLFLOW_TRACKING_TOKEN": "tok-secret"})

    assert (by_password.username, by_password.password, by_token.token) == ("jo", "hunter2", "tok-secret")
    assert by_password.tracking_uri == "https://mlflow"
    assert "hunter2" not in f"{by_password!r} {by_password}"
    assert "tok-secret" not in f"{by_token!r} {by_token}"


@pytest.mark.parametrize(
    "environ",
    [
        {"MLFLOW_TRACKING_URI": "http://jo:hunter2@h:x"},
        {"MLFLOW_TRACKING_URI": "http://jo:p@hunter2@h:x"},
        {"MLFLOW_TRACKING_URI": "http://jo:hunter2/w@h"},
        {"MLFLOW_TRACKING_URI": "http://:x?token=hunter2"},
        {**SERVER, "MLFLOW_TRACKING_TOKEN": "hunter2\nX-Other: 1"},
        {**SERVER, "MLFLOW_TRACKING_TOKEN": "Bearer hunter2"},
        {**SERVER, "MLFLOW_TRACKING_PASSWORD": "hunter2"},
    ],
)
def test_an_error_does_not_repeat_a_secret(environ: dict[str, str]) -> None:
    """What is wrong with a credential is told without it."""
    with pytest.raises(MlflowConfigError) as raised:
        MlflowConfig.from_environment(environ)

    assert "hunter2" not in str(raised.value)


def test_a_user_goes_before_a_token() -> None:
    """With both set the server sees what MLflow's own clients would send."""
    secrets = {"MLFLOW_TRACKING_USERNAME": "jo", "MLFLOW_TRACKING_PASSWORD": "pw", "MLFLOW_TRACKING_TOKEN": "tok"}
    both = MlflowConfig.from_environment({**SERVER, **secrets})

    assert (both.username, both.password, both.token) == ("jo", "pw", None)


def test_an_unreachable_server_is_named_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """The client's errors and logs have the address, never what opens it."""
    config = MlflowConfig.from_environment({"MLFLOW_TRACKING_URI": "http://jo:hunter2@127.0.0.1:1"})
    with caplog.at_level(logging.DEBUG), pytest.raises(Exception, match=r"127\.0\.0\.1:1") as raised:
        TrackingClient(config).get("experiments/get", experiment_id="0")

    assert "hunter2" not in f"{raised.value} {caplog.text}"


@pytest.mark.parametrize("name", [".env.example", ".env.dev"])
def test_the_environment_files_work(name: str) -> None:
    """As they are, and with every line that is commented out, they are read without complaint."""
    text = (ROOT / name).read_text(encoding="utf-8")
    everything = re.sub(r"(?m)^# (?=[A-Z0-9_]+=)", "", text)
    given, all_given = (dotenv_values(stream=StringIO(each)) for each in (text, everything))

    config = MlflowConfig.from_environment({key: value or "" for key, value in given.items()})
    switched_off = MlflowConfig.from_environment({key: value or "" for key, value in all_given.items()})

    assert config.enabled
    assert config.system_metrics
    assert (config.default_experiment, config.artifact_location) == ("e2i-causal-analytics", None)
    assert not switched_off.enabled
    assert set(all_given) == variables_read() - {"GIT_COMMIT", "GITHUB_SHA", "XDG_CACHE_HOME", "LOCALAPPDATA"}


@pytest.mark.parametrize("name", [".env.example", ".env.dev"])
def test_every_variable_has_a_comment(name: str) -> None:
    """Each variable, or the group it is in, is explained by the line above."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assigned = re.compile(r"(?:# )?[A-Z0-9_]+=")
    bare = [line for before, line in itertools.pairwise(lines) if assigned.match(line) and not before.startswith("#")]

    assert bare == []


def test_every_variable_is_documented() -> None:
    """The page of the environment names what the code reads, and nothing else."""
    page = (ROOT / "docs" / "reference" / "environment.md").read_text(encoding="utf-8")

    assert set(VARIABLE.findall(page)) == variables_read()


def variables_read() -> set[str]:
    """Return the environment variables that the platform's code names."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "fixtures" / "e2i").rglob("*.py")]
    constants = [
        node.value
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return {text for text in constants if VARIABLE.fullmatch(text)} | READ_BY_LIBRARIES


def test_a_local_store_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """A store without a server cannot be logged to; the agents run on."""
    with caplog.at_level(logging.WARNING, "e2i.mlops"):
        configs = [MlflowConfig.from_environment({"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}) for _ in range(3)]

    assert not any(config.enabled for config in configs)
    assert len(caplog.records) == 1
    assert "MLFLOW_TRACKING_URI is a sqlite: address" in caplog.text


@pytest.mark.parametrize(
    ("brand", "expected"),
    [
        ("kisqali", "e2i/Kisqali/tier-2/gap"),
        (None, "e2i/all-brands/tier-2/gap"),
        ("", "e2i/all-brands/tier-2/gap"),
        ("Kisqualy", "e2i/other-brand/tier-2/gap"),
    ],
)
def test_experiments_are_named_by_brand_and_tier(brand: str | None, expected: str) -> None:
    """Spelling does not matter, and a typo does not make an experiment of its own."""
    template = "e2i/{brand}/tier-{tier}/{agent}"

    assert experiment_name(template, brand=brand, tier=2, agent="gap", use_case="x") == expected


def test_a_template_with_an_unknown_field_is_refused() -> None:
    """The error names the agent, the template and the fields there are."""
    with pytest.raises(MlflowConfigError, match=r"agent 'gap' is 'e2i/\{brnad\}'.*use \{brand\}"):
        experiment_name("e2i/{brnad}", brand=None, tier=2, agent="gap", use_case="x")


def test_importing_is_light() -> None:
    """Observation brings neither MLflow nor what only the background sender needs."""
    heavy = ["mlflow", "opentelemetry", "google.protobuf", "anthropic", "numpy"]
    code = f"import sys, e2i.mlops; sys.exit(repr([name for name in {heavy} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stderr.strip() == "[]"
