"""What a target must log, and the checks that prove it from the server's side."""

from __future__ import annotations

from e2i_eval.checks.contract.checks import Oracle, contract_checks
from e2i_eval.checks.contract.contract import Contract
from e2i_eval.checks.contract.contract_file import load_contract

__all__ = ["Contract", "Oracle", "contract_checks", "load_contract"]
