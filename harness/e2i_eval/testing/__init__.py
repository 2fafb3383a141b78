"""Public fakes, so that whatever speaks to this package's ports can be tested without time, network or a server."""

from __future__ import annotations

from e2i_eval.testing.claude import ScriptedClaude
from e2i_eval.testing.clock import ManualClock
from e2i_eval.testing.tracking import InMemoryTracking

__all__ = ["InMemoryTracking", "ManualClock", "ScriptedClaude"]
