"""A server that speaks Claude's protocol, over a real socket and in a process of its own.

``python -m e2i_eval.testing.claude_server --help`` starts it by hand; :class:`ClaudeServer` starts it from a test.
"""

from __future__ import annotations

from e2i_eval.testing.claude_server.plan import FAULTS, ServerPlan
from e2i_eval.testing.claude_server.process import ClaudeServer, Counts

__all__ = ["FAULTS", "ClaudeServer", "Counts", "ServerPlan"]
