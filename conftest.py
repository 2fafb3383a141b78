"""What the reference platform needs from any pytest session of this repository."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Give the platform's logging a spool that ends with the session, so that no run ever sends another's calls."""
    spool = tempfile.TemporaryDirectory(prefix="e2i-spool-", ignore_cleanup_errors=True)
    os.environ.setdefault("E2I_SPOOL_DIR", spool.name)
    config.add_cleanup(spool.cleanup)
