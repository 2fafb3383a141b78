"""The wire to Claude: scripted, replayed, recorded or live, and captured below the SDK either way.

Importing this package imports nothing heavy; the SDK and its HTTP libraries are loaded by :meth:`ClaudeWire.start`.
"""

from __future__ import annotations

from e2i_eval.claude.answer_journal import AnswerJournal
from e2i_eval.claude.asking import Asking
from e2i_eval.claude.budget import SessionBudget
from e2i_eval.claude.capture import Capture
from e2i_eval.claude.cassette import Scrub
from e2i_eval.claude.cassette_store import CassetteStore
from e2i_eval.claude.rate_limiter import RateLimiter
from e2i_eval.claude.rehearsal import Forecast, RecordingPlan, plan_of
from e2i_eval.claude.usage_log import UsageLog, usage_notes
from e2i_eval.claude.wire import ClaudeWire

__all__ = [
    "AnswerJournal",
    "Asking",
    "Capture",
    "CassetteStore",
    "ClaudeWire",
    "Forecast",
    "RateLimiter",
    "RecordingPlan",
    "Scrub",
    "SessionBudget",
    "UsageLog",
    "plan_of",
    "usage_notes",
]
