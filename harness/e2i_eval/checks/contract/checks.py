"""From a contract to the checks that hold a target to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.check import NamedCheck
from e2i_eval.checks.contract import logging_check, secrets_check, trace_check, wire_check
from e2i_eval.core.redaction import PATTERNS, mask

if TYPE_CHECKING:
    from e2i_eval.checks.contract.contract import Contract
    from e2i_eval.checks.contract.scope import Price
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.redaction import Mask

__all__ = ["contract_checks"]


def contract_checks(contract: Contract, *, price: Price | None = None) -> tuple[NamedCheck, ...]:
    """Return the checks ``wire``, ``logging``, ``trace`` and ``secrets`` under ``contract``.

    Args:
        contract: what must be logged.
        price: US dollars of a usage; without it, or where it returns None, demands on ``{wire.cost_usd}`` say nothing.
    """

    def masker(evidence: Evidence) -> Mask:
        return mask(evidence.secrets, {**PATTERNS, **contract.secrets.patterns})

    return (
        NamedCheck(name=wire_check.NAME, judge=lambda evidence: wire_check.check_wire(evidence, masker(evidence))),
        NamedCheck(
            name=logging_check.NAME,
            judge=lambda evidence: logging_check.check_logging(evidence, contract.calls, masker(evidence)),
        ),
        NamedCheck(
            name=trace_check.NAME,
            judge=lambda evidence: trace_check.check_trace(evidence, contract, masker(evidence), price),
        ),
        NamedCheck(
            name=secrets_check.NAME,
            judge=lambda evidence: secrets_check.check_secrets(evidence, contract.secrets),
        ),
    )
