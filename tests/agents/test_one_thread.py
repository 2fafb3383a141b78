"""Linear algebra runs on one thread inside, and as before outside."""

from __future__ import annotations

import threadpoolctl  # type: ignore[import-untyped]

from e2i.agents.causal_impact.nodes import estimate
from e2i.agents.one_thread import one_thread


def blas_threads() -> set[int]:
    """Return the numbers of threads that the loaded BLAS libraries may use."""
    return {library["num_threads"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"}


def test_blas_has_one_thread_inside_only() -> None:
    """The limit holds for the body and is lifted after it."""
    before = blas_threads()
    with one_thread():
        inside = blas_threads()

    assert inside == {1}
    assert blas_threads() == before


def test_decorated_nodes_keep_their_names() -> None:
    """Spans are named after functions."""
    assert estimate.__name__ == "estimate"
