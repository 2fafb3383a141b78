"""A judge's scripted answer in the form its question asks for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from e2i_eval.checks.judges.rubric import TOOL

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.judge_rule import JudgeAnswer, JudgeRule

__all__ = ["scripted_content"]


def scripted_content(rule: JudgeRule, answer: JudgeAnswer) -> tuple[JsonObject, ...]:
    """Return the content blocks: a call of the tool for a rubric, for a scorer the JSON that MLflow asks for."""
    if rule.scorer:
        said = {"rationale": answer.reason, "result": "yes" if answer.score else "no"}
        return ({"type": "text", "text": json.dumps(said, ensure_ascii=False)},)
    score = int(answer.score) if float(answer.score).is_integer() else answer.score
    return ({"type": "tool_use", "name": TOOL, "input": {"reason": answer.reason, "score": score}},)
