"""The wire check: nothing about the wire was hidden, swallowed or left over."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.exchange import ExchangeSource, WireNote
    from e2i_eval.core.redaction import Mask

__all__ = ["NAME", "check_wire"]

NAME = "wire"

ANSWERED: Mapping[ExchangeSource, str] = {
    "script": "as scripted",
    "cassette": "as recorded",
    "api": "by the configured address",
}

FIELDS = {
    "miss": "answer",
    "leftover": "unused answer",
    "unknown_field": "request field",
    "blocked": "network",
    "cassette": "cassette",
    "budget": "budget",
}


def check_wire(evidence: Evidence, mask: Mask) -> Verdict:
    """Turn every note about the wire into a finding."""
    findings = tuple(_finding(note, evidence, mask) for note in evidence.notes)
    requests = len(evidence.exchanges)
    noun = "request" if requests == 1 else "requests"
    if findings:
        kinds = ", ".join(dict.fromkeys(note.kind.replace("_", " ") for note in evidence.notes))
        return Verdict(check=NAME, status="fail", reason=f"{kinds} ({requests} {noun} to Claude)", findings=findings)
    return Verdict(check=NAME, status="pass", reason=f"{requests} {noun} to Claude, {_answered(evidence)}")


def _answered(evidence: Evidence) -> str:
    """Say who answered."""
    counts = Counter(exchange.source for exchange in evidence.exchanges)
    if len(counts) <= 1:
        return f"all answered {ANSWERED[next(iter(counts), 'script')]}"
    return ", ".join(f"{counts[source]} answered {how}" for source, how in ANSWERED.items() if counts[source])


def _finding(note: WireNote, evidence: Evidence, mask: Mask) -> Finding:
    path = evidence.case.path
    where = f"{path}:{note.line}" if path is not None and note.line else None
    return Finding(message=mask(note.message), field=FIELDS[note.kind], where=where)
