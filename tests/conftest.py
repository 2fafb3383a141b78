"""What tests of several kinds share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import settings

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
