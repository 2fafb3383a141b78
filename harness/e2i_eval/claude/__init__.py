"""The wire to Claude: scripted, replayed, recorded or live, and captured below the SDK either way.

Importing this package imports nothing heavy; the SDK and its HTTP libraries are loaded by :meth:`ClaudeWire.start`.
"""

from __future__ import annotations

from e2i_eval.claude.answer_journal import AnswerJournal
from e2i_eval.claude.asking import Asking
from e2i_eval.claude.budget import Budget
from e2i_eval.claude.capture import Tape
from e2i_eval.claude.cassette import Scrub
from e2i_eval.claude.cassette_store import Shelf
from e2i_eval.claude.rate_limiter import Pace
from e2i_eval.claude.rehearsal import Forecast, Plan, plan_of
from e2i_eval.claude.usage_log import Ledger, ledger_notes
from e2i_eval.claude.wire import ClaudeWire

__all__ = [
    "AnswerJournal",
    "Asking",
    "Budget",
    "ClaudeWire",
    "Forecast",
    "Ledger",
    "Pace",
    "Plan",
    "Scrub",
    "Shelf",
    "Tape",
    "ledger_notes",
    "plan_of",
]
