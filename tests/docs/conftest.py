"""What the tests of the examples share: a real tracking server, and a way to run a script as a reader would."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2i_eval.tracking import TemporaryServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
START_TIMEOUT_S = 180.0
EXAMPLE_TIMEOUT_S = 120.0


@pytest.fixture(scope="session")
def example_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a tracking server on a loopback port, with a store of its own."""
    cache = Path(tempfile.gettempdir()) / "e2i-eval-test-cache"
    server = TemporaryServer.start(store=tmp_path_factory.mktemp("examples") / "store", cache=cache, environ=os.environ)
    server.wait_ready(START_TIMEOUT_S)
    yield server.uri
    server.stop()


@pytest.fixture
def run_example(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return ``run(name, *arguments, tracking_uri=None)``, which runs ``docs/examples/<name>`` without a key."""

    def run(name: str, *arguments: str, tracking_uri: str | None = None) -> subprocess.CompletedProcess[str]:
        unset = ("ANTHROPIC_API_KEY", "MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID")
        environ = {key: value for key, value in os.environ.items() if key not in unset}
        environ["E2I_SPOOL_DIR"] = str(tmp_path / "spool")
        if tracking_uri is not None:
            environ["MLFLOW_TRACKING_URI"] = tracking_uri
        return subprocess.run(
            [sys.executable, str(EXAMPLES / name), *arguments],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=EXAMPLE_TIMEOUT_S,
            check=False,
        )

    return run
