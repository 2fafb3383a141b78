"""The basis of a judge: all that makes its scores what they are, as a short digest."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from e2i_eval.checks.judges.rubric import PROMPT_VERSION

if TYPE_CHECKING:
    from e2i_eval.core.judge_rule import JudgeRule

__all__ = ["basis_of"]


def basis_of(rule: JudgeRule) -> str:
    """Return 16 hex digits that change with the rubric, its scale, the scorer, its guidelines, or our prompt."""
    content = [PROMPT_VERSION, rule.rubric, rule.scorer, list(rule.scale), list(rule.guidelines), rule.of]
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=8).hexdigest()
