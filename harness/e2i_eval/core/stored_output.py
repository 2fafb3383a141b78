"""A kept output: what a case's target returned, and by which rules two such outputs are the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from e2i_eval.core.case import Tolerance

if TYPE_CHECKING:
    from e2i_eval.core.case import Expectation
    from e2i_eval.core.json_value import JsonValue

__all__ = ["KeptOutput"]

MOST_BYTES = 40_000
"""Of an output as JSON; a larger one would make the report unwieldy, and only its digest is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOutput:
    """One output.

    Attributes:
        value: what was returned; None also when it is too large to be kept.
        is_whole: ``value`` is the output; False when only the digest is.
        digest: SHA-256 of the output as JSON with sorted keys.
        ignore: DeepDiff paths that the case leaves out of comparisons.
        ignore_regex: patterns over such paths.
        ignore_order: the order of lists does not count.
        tolerance: for every number.
    """

    IGNORES_UNKNOWN_KEYS: ClassVar[bool] = True

    value: JsonValue
    is_whole: bool
    digest: str
    ignore: tuple[str, ...] = ()
    ignore_regex: tuple[str, ...] = ()
    ignore_order: bool = False
    tolerance: Tolerance = field(default_factory=Tolerance)

    @classmethod
    def of(cls, output: JsonValue, expect: Expectation) -> KeptOutput:
        """Return an output with the rules of its case."""
        text = json.dumps(output, sort_keys=True, ensure_ascii=False, default=str).encode("utf-8", "replace")
        is_whole = len(text) <= MOST_BYTES
        return cls(
            value=output if is_whole else None,
            is_whole=is_whole,
            digest=hashlib.sha256(text).hexdigest(),
            ignore=expect.ignore,
            ignore_regex=expect.ignore_regex,
            ignore_order=expect.ignore_order,
            tolerance=expect.tolerance,
        )
