"""The golden checks a case asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.expectations.budget import budget_check
from e2i_eval.checks.expectations.completed import COMPLETED
from e2i_eval.checks.expectations.logged import METRICS, PARAMS, TAGS
from e2i_eval.checks.expectations.nodes import NODES
from e2i_eval.checks.expectations.output import OUTPUT
from e2i_eval.checks.expectations.review import REVIEW
from e2i_eval.checks.expectations.tools import TOOLS
from e2i_eval.checks.expectations.values import VALUES
from e2i_eval.core.case import Budget

if TYPE_CHECKING:
    from e2i_eval.checks.check import NamedCheck
    from e2i_eval.checks.expectations.spending import Price
    from e2i_eval.core.case import Case

__all__ = ["golden_checks"]


def golden_checks(case: Case, *, price: Price | None = None) -> tuple[NamedCheck, ...]:
    """Return the checks that ``case`` asks for, and ``completed``, which judges every case.

    Args:
        case: what is expected.
        price: from a model and a usage to US dollars, None for a model it does not know.
            Without it a limit on the cost is an error, not a pass.
    """
    expect = case.expect
    asked = (
        (COMPLETED, True),
        (OUTPUT, expect.has_output),
        (REVIEW, expect.has_wrong_output),
        (VALUES, expect.values),
        (NODES, expect.nodes is not None),
        (TOOLS, expect.tools is not None),
        (METRICS, expect.metrics),
        (PARAMS, expect.params),
        (TAGS, expect.tags),
        (budget_check(price), expect.budget != Budget()),
    )
    return tuple(check for check, is_asked in asked if is_asked)
