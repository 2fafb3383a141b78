"""The wire check: nothing about the wire was hidden, swallowed or left over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.verdict import Finding, Verdict

if TYPE_CHECKING:
    from e2i_eval.contract.mask import Mask
    from e2i_eval.evidence import Evidence
    from e2i_eval.exchange import WireNote

__all__ = ["NAME", "check_wire"]

NAME = "wire"

FIELDS = {
    "miss": "scripted answer",
    "leftover": "unused answer",
    "unknown_field": "request field",
    "blocked": "network",
}


def check_wire(evidence: Evidence, mask: Mask) -> Verdict:
    """Turn every note about the wire into a finding."""
    findings = tuple(_finding(note, evidence, mask) for note in evidence.notes)
    requests = len(evidence.exchanges)
    noun = "request" if requests == 1 else "requests"
    if findings:
        kinds = ", ".join(dict.fromkeys(note.kind.replace("_", " ") for note in evidence.notes))
        return Verdict(check=NAME, status="fail", reason=f"{kinds} ({requests} {noun} to Claude)", findings=findings)
    return Verdict(check=NAME, status="pass", reason=f"{requests} {noun} to Claude, all answered as scripted")


def _finding(note: WireNote, evidence: Evidence, mask: Mask) -> Finding:
    path = evidence.case.path
    where = f"{path}:{note.line}" if path is not None and note.line else None
    return Finding(message=mask(note.message), field=FIELDS[note.kind], where=where)
