"""What a person who opens the MLflow UI relies on, asked of the server itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from e2i_eval.plugin.fixtures import Evaluate, Traces

DECLINED = {"question": "Did the campaign work?", "brand": "Nosuchbrand"}


@pytest.mark.e2i("causal_impact")
def test_a_judged_case_can_be_found_again(evaluate: Evaluate, traces: Traces) -> None:
    """The trace of a case is still on the server after it was judged, and it is the one that was judged."""
    evaluation = evaluate(evaluate.case(DECLINED))

    found = traces(evaluation)

    assert [trace.trace_id for trace in found] == list(evaluation.result.trace_ids)
    assert len(found) == 1
