"""What a person who opens the MLflow UI relies on, asked of the server itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from e2i_eval.case import Case
    from e2i_eval.plugin.fixtures import Evaluate, Traces


@pytest.mark.e2i("drift_monitor")
def test_every_case_leaves_one_trace_that_can_be_found_again(evaluate: Evaluate, case: Case, traces: Traces) -> None:
    """A golden case's trace is still on the server after it was judged, and it is the one that was judged."""
    evaluation = evaluate(case)

    found = traces(evaluation)

    assert [trace.trace_id for trace in found] == list(evaluation.result.trace_ids)
    assert len(found) == 1
