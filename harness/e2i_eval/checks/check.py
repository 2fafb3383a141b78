"""Checks judge evidence; one that breaks is an error, never a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.user_code import user_frame
from e2i_eval.core.check import NamedCheck
from e2i_eval.core.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.core.evidence import Evidence

__all__ = ["NamedCheck", "judge"]


def judge(checks: Iterable[NamedCheck], evidence: Evidence) -> tuple[Verdict, ...]:
    """Return the verdict of each check on ``evidence``, in the order given."""
    return tuple(_verdict(check, evidence) for check in checks)


def _verdict(check: NamedCheck, evidence: Evidence) -> Verdict:
    try:
        return check.judge(evidence)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  an exit or pytest.skip() in a check must not let the case through
        reason = f"the check itself broke: {type(error).__name__}: {error}"
        frame = user_frame(error)
        return Verdict(check=check.name, status="error", reason=f"{reason} ({frame.filename}:{frame.lineno})")
