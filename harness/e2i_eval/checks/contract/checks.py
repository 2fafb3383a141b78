"""From a contract to the checks that hold a target to it, and the oracle that two of its readers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.check import NamedCheck
from e2i_eval.checks.contract import reconciliation, secrets_check, trace_check, wire_check
from e2i_eval.checks.contract.unknown import unknown
from e2i_eval.core.redaction import PATTERNS, mask

if TYPE_CHECKING:
    from e2i_eval.checks.contract.contract import Contract
    from e2i_eval.checks.contract.reconciliation import Reconciliation
    from e2i_eval.checks.contract.scope import Price
    from e2i_eval.core.call_record import CallRecord
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.redaction import Mask
    from e2i_eval.core.trace import Trace
    from e2i_eval.core.verdict import Verdict

__all__ = ["Oracle", "contract_checks"]


class Oracle:
    """Reconciles the wire of a case with its traces, once for both who ask: the check ``logging`` and the report."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._last: tuple[Evidence, Reconciliation] | None = None

    def verdict(self, evidence: Evidence) -> Verdict:
        """Return the verdict of the check ``logging``."""
        if evidence.traces is None:
            return unknown(reconciliation.NAME, evidence)
        return self._reconciled(evidence, evidence.traces).verdict(self.mask(evidence))

    def call_records(self, evidence: Evidence) -> tuple[CallRecord, ...]:
        """Return what was compared, for the person who reads the report; nothing when no trace could be read."""
        if evidence.traces is None:
            return ()
        try:
            return self._reconciled(evidence, evidence.traces).records(self.mask(evidence))
        except Exception:  # noqa: BLE001  the check ``logging`` broke on the same evidence, and says so
            return ()

    def mask(self, evidence: Evidence) -> Mask:
        """Return what takes secrets out of a text: the session's, and all that looks like one to the contract."""
        return mask(evidence.secrets, {**PATTERNS, **self._contract.secrets.patterns})

    def _reconciled(self, evidence: Evidence, traces: tuple[Trace, ...]) -> Reconciliation:
        if self._last is None or self._last[0] is not evidence:
            self._last = (evidence, reconciliation.reconcile(evidence.exchanges, traces, self._contract.calls))
        return self._last[1]


def contract_checks(
    contract: Contract, *, price: Price | None = None, oracle: Oracle | None = None
) -> tuple[NamedCheck, ...]:
    """Return the checks ``wire``, ``logging``, ``trace`` and ``secrets`` under ``contract``.

    Args:
        contract: what must be logged.
        price: US dollars of a usage; without it, or where it returns None, demands on ``{wire.cost_usd}`` say nothing.
        oracle: of the same contract, for a caller who also wants the call records; None makes one.
    """
    oracle = oracle or Oracle(contract)
    return (
        NamedCheck(name=wire_check.NAME, judge=lambda evidence: wire_check.check_wire(evidence, oracle.mask(evidence))),
        NamedCheck(name=reconciliation.NAME, judge=oracle.verdict),
        NamedCheck(
            name=trace_check.NAME,
            judge=lambda evidence: trace_check.check_trace(evidence, contract, oracle.mask(evidence), price),
        ),
        NamedCheck(
            name=secrets_check.NAME,
            judge=lambda evidence: secrets_check.check_secrets(evidence, contract.secrets),
        ),
    )
