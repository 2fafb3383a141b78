"""A verdict: the judgement of one check on one case's evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from e2i_eval.core.json_codec import fields_to_json

__all__ = ["JUDGE_PREFIX", "Finding", "Status", "Verdict"]

JUDGE_PREFIX = "judge."
"""What the names of checks begin with that a model makes."""

Status = Literal["pass", "fail", "error", "skip"]
"""``fail``: the system is wrong. ``error``: it could not be judged. ``skip``: there was nothing to judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        message: one sentence that says what is wrong.
        field: what it is about (``input_tokens``, ``system prompt``, ``metric causal_confidence``).
        expected: what had to be there, as text (for the oracle: what was on the wire); None when there is nothing.
        actual: what is there, as text (for the oracle: what the server has); None when nothing is there.
        call: which call to Claude, for a person; None when it is about none.
        span: which span, for a person; None when it is about none.
        where: ``file:line`` of the expectation; None when it comes from the default contract.
    """

    message: str
    field: str
    expected: str | None = None
    actual: str | None = None
    call: str | None = None
    span: str | None = None
    where: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The judgement of one check.

    Attributes:
        check: name of the check; empty in what a check returns takes the name of that check.
        status: the judgement.
        reason: one sentence; for a pass what was compared.
        findings: what is wrong, empty for a pass.
        score: 0 to 1, share of what was compared that agreed; None where a share has no meaning.
        by: the model that judged; empty where code did.
    """

    check: str = ""
    status: Status
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    score: float | None = None
    by: str = ""

    @property
    def is_broken_judge(self) -> bool:
        """Whether a model was to judge and did not: that says nothing about the system."""
        return self.status == "error" and self.check.startswith(JUDGE_PREFIX)

    def to_json(self) -> dict[str, object]:
        """Return the verdict as plain JSON; ``by`` is there for a model's judgement alone."""
        data = fields_to_json(self)
        if not self.by:
            del data["by"]
        return data
