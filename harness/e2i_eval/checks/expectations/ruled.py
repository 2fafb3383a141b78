"""The verdict on a group of rules, one for each name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ruled_verdict", "unknown_verdict"]


def ruled_verdict(check: str, findings: Mapping[str, Sequence[Finding]]) -> Verdict:
    """Return the verdict of ``check`` from what is wrong under each name; the score is the share of names kept."""
    broken = [name for name, found in findings.items() if found]
    kept = len(findings) - len(broken)
    if not broken:
        return Verdict(check=check, status="pass", reason=f"all {kept} rules hold", score=1.0)
    return Verdict(
        check=check,
        status="fail",
        reason=f"{len(broken)} of {len(findings)} rules do not hold",
        findings=tuple(finding for found in findings.values() for finding in found),
        score=kept / len(findings),
    )


def unknown_verdict(check: str, why: str) -> Verdict:
    """Return the verdict of a check whose evidence could not be had."""
    return Verdict(check=check, status="error", reason=f"unknown: {why or 'the tracking server could not be asked'}")
