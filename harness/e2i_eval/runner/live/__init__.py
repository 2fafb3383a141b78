"""Live runs: what keeps one going through outages and interruptions."""

from __future__ import annotations

from e2i_eval.runner.live.case_key import case_key
from e2i_eval.runner.live.code_state import code_state
from e2i_eval.runner.live.journal import Journal, Opened
from e2i_eval.runner.live.kept_list import KeptList
from e2i_eval.runner.live.resuming import Answers, Resuming

__all__ = ["Answers", "Journal", "KeptList", "Opened", "Resuming", "case_key", "code_state"]
