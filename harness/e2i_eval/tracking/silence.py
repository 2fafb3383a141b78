"""Switching off what MLflow logs by itself, for as long as something is measured without it."""

from __future__ import annotations

import contextlib
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MlflowLogger"]


class MlflowLogger:
    """MLflow's autologging and tracing in this process; without MLflow there is nothing to switch."""

    @contextlib.contextmanager
    def silenced(self) -> Iterator[None]:
        """Log nothing in the block, and in what is started from its context.

        The patches of autologging stay in place and do nothing; their few microseconds are in both variants.
        ``mlflow.tracing.disable`` is not used: it would end the exporter, with what it still holds, at every call.
        """
        if "mlflow" not in sys.modules:
            yield
            return
        autologging: Any = import_module("mlflow.utils.autologging_utils")
        tracing: Any = import_module("mlflow.tracing")
        with autologging.disable_autologging(), tracing.context(enabled=False):
            yield

    @contextlib.contextmanager
    def marked(self, tags: Mapping[str, str]) -> Iterator[None]:
        """Put ``tags`` on every trace that begins in the block."""
        if "mlflow" not in sys.modules:
            yield
            return
        tracing: Any = import_module("mlflow.tracing")
        with tracing.context(tags=dict(tags)):
            yield
