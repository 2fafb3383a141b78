"""What tests of several kinds share."""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from tests.warm_python import Nursery, cold, warm

if TYPE_CHECKING:
    from collections.abc import Iterator

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")  # a busy machine is slow at times, which is no finding

pytest_plugins = ["pytester"]

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def shop(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the small outside project, as pytester's folder, with an environment that is a stranger's."""
    for name in ("MLFLOW_TRACKING_URI", "ANTHROPIC_API_KEY", "CI"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(SAMPLES / "shop", pytester.path, dirs_exist_ok=True)
    return pytester.path


@pytest.fixture(scope="session", autouse=True)
def heeded_ctrl_c() -> None:
    """Undo what a shell does to a job in the background: its children would ignore SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery | None]:
    """What Python processes are forked from; None where they cannot be."""
    started = Nursery.start() if sys.platform == "linux" else None
    yield started
    if started:
        started.close()


@pytest.fixture(scope="module")
def warm_python(nursery: Nursery | None) -> Iterator[None]:
    """Let the Python processes of a module's tests start warm."""
    if nursery is None:
        yield
        return
    with warm(nursery):
        yield


@pytest.fixture
def cold_python() -> Iterator[None]:
    """Let those of one test start as a user's do, from nothing."""
    with cold():
        yield
