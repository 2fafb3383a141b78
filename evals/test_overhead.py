"""What logging costs the caller of an agent, kept by pytest-benchmark; runs with ``--e2i-overhead`` only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.benchmark.overhead import ReplayTimer

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from e2i_eval.benchmark.overhead.pairing import VariantName
    from e2i_eval.core.overhead_result import OverheadResult
    from e2i_eval.plugin.overhead_fixture import Overhead

pytestmark = pytest.mark.e2i("health_score")

BAR_MS = 50.0
REPLAY = ReplayTimer()


@pytest.fixture(scope="module")
def measured() -> dict[str, OverheadResult]:
    """Keep one measurement for the tests of this file."""
    return {}


@pytest.mark.benchmark(group="health_score", timer=REPLAY)
@pytest.mark.parametrize("variant", ["plain", "logged"])
def test_a_caller_hardly_waits_for_logging(
    variant: VariantName,
    overhead: Overhead,
    measured: dict[str, OverheadResult],
    benchmark: BenchmarkFixture,
    request: pytest.FixtureRequest,
) -> None:
    """The upper end of the interval is below the bar, and nothing else differs."""
    if not request.config.getoption("e2i_overhead"):
        pytest.skip("add --e2i-overhead=health_score to measure it")
    if not measured:
        measured["one"] = overhead("health_score")
    result = measured["one"]

    REPLAY.record(benchmark, result, variant)

    assert result.differences == ()
    assert result.overhead_ms.high < BAR_MS
