"""A report without secrets: whatever found its way into it is made unreadable before anybody is shown it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.core.redaction import PATTERNS, mask
from e2i_eval.runner.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.core.redaction import Mask

__all__ = ["masked"]


def masked(report: Report, secrets: Iterable[str]) -> Report:
    """Return ``report`` with ``secrets`` and all that looks like a credential masked in every text.

    Args:
        report: as gathered.
        secrets: values of the environment that are called like secrets.
    """
    return Report.from_json(_masked(report.to_json(), mask(secrets, PATTERNS)))


def _masked(value: JsonValue, hide: Mask) -> JsonValue:
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, dict):
        return {key: _masked(each, hide) for key, each in value.items()}
    return [_masked(each, hide) for each in value] if isinstance(value, (list, tuple)) else value
