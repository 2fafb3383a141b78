"""A timer that hands pairs measured earlier to pytest-benchmark, so that its table, JSON and compare work on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.benchmark.overhead.pairing import VariantName
    from e2i_eval.core.overhead_result import OverheadResult

__all__ = ["ReplayTimer"]

MS = 1e-3


class Benchmark(Protocol):
    """The part of pytest-benchmark's fixture that is used; the package itself is not needed to run the harness."""

    extra_info: dict[str, object]

    def pedantic(self, target: Callable[[], None], *, rounds: int, iterations: int) -> object:
        """Time ``target``."""


class ReplayTimer:
    """Give it to ``@pytest.mark.benchmark(timer=...)``, and the result to :meth:`record`.

    The pairs of an overhead are measured together, in random order; pytest-benchmark times one function after the
    other. So it is given the times instead of taking them.
    """

    __name__ = "e2i_eval.replay"

    def __init__(self) -> None:
        self._now_s = 0.0

    def __call__(self) -> float:
        """Return the replayed time, in seconds."""
        return self._now_s

    def record(self, benchmark: Benchmark, result: OverheadResult, variant: VariantName) -> None:
        """Give ``benchmark`` the times of one variant, a round a pair, and the overhead in its ``extra_info``."""
        times_s = iter([(pair[variant == "logged"]) * MS for pair in result.pair_ms])

        def advance() -> None:
            self._now_s += next(times_s, 0.0)

        estimate = result.overhead_ms
        benchmark.extra_info.update(
            {
                "target": result.target,
                "case": result.case_id,
                "callers": result.callers,
                "arm": variant,
                "overhead_ms": estimate.value,
                "overhead_low_ms": estimate.low,
                "overhead_high_ms": estimate.high,
                "confidence": estimate.confidence,
                "method": estimate.method,
                "drain_ms": result.drain_ms,
            }
        )
        benchmark.pedantic(advance, rounds=len(result.pair_ms), iterations=1)
