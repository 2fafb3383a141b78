"""Two runs beside each other: what they share, and what chance says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from e2i_eval.core.stats.paired import mcnemar, sign_flip
from e2i_eval.gate.runs import paired, run_of
from e2i_eval.gate.runs.equality import is_beyond
from e2i_eval.gate.runs.significance import p_value, smallest_p
from e2i_eval.runner.report import CaseResult, Report

if TYPE_CHECKING:
    from e2i_eval.gate.runs import Run


class Bench(Protocol):
    """The fixture ``bench``."""

    def case(self, name: str, *, status: str = "pass", repeat: int = 0, **measurements: float) -> CaseResult:
        """Make a result."""


def run(*cases: CaseResult, **session: str) -> Run:
    """Return a run."""
    return run_of(Report(session=session, environment={}, cases=cases))


@pytest.mark.parametrize(
    ("modes", "is_one"), [(("mock", "mock"), True), (("mock", "live"), False), (("", ""), False), (("mock", ""), False)]
)
def test_an_unknown_mode_is_no_common_one(modes: tuple[str, str], *, is_one: bool) -> None:
    """Two runs that do not name their mode may be anything."""
    assert paired(run(claude=modes[0]), run(claude=modes[1])).is_one_mode is is_one


def test_every_case_is_on_one_of_three_lists(bench: Bench) -> None:
    """Shared, or of one run only; the shared ones by target."""
    pair = paired(run(*map(bench.case, ("b/1", "a/2", "a/1"))), run(*map(bench.case, ("a/1", "b/1", "c/1"))))

    assert (pair.shared, pair.only_base, pair.only_head) == (("a/1", "b/1"), ("a/2",), ("c/1",))
    assert pair.targets() == {"a": ("a/1",), "b": ("b/1",)}


def test_another_price_table_counts_only_where_a_cost_moved(bench: Bench) -> None:
    """A new day with the same prices compares like the old one."""
    base = run(bench.case("a/1", cost_usd=1.0), prices="2026-11-10")
    same, dearer = (run(bench.case("a/1", cost_usd=cost), prices="2027-01-01") for cost in (1.0, 1.5))

    assert paired(base, same).has_one_price(["a/1"])
    assert not paired(base, dearer).has_one_price(["a/1"])


def test_rounding_is_not_beyond_a_bound() -> None:
    """In neither direction."""
    assert not is_beyond(1.0 + 1e-12, 1.0, worse="more")
    assert not is_beyond(1.0 - 1e-12, 1.0, worse="less")
    assert is_beyond(1.0 + 1e-6, 1.0, worse="more")
    assert is_beyond(1.0 - 1e-6, 1.0, worse="less")


def test_the_test_fits_what_moved() -> None:
    """Flips of one target by McNemar, means of one target case by case, several targets as clusters."""
    flips, means = [-1.0] * 20 + [0.0, 1.0], [-0.5, -0.25, 0.5]

    assert p_value({"a": flips, "b": []}, alternative="less") == mcnemar(20, 1, alternative="less")
    by_case = {str(place): [each] for place, each in enumerate(means)}
    assert p_value({"a": means}, alternative="less") == sign_flip(by_case, alternative="less")
    assert p_value({"a": flips, "b": means}, alternative="less") == 0.25
    assert p_value({}, alternative="less") == 1.0


def test_the_smallest_p_counts_what_can_get_worse() -> None:
    """Cases of one target, and of several the targets."""
    assert smallest_p({"a": [True, True, False]}) == 0.25
    assert smallest_p({"a": [True, False], "b": [True], "c": [False]}) == 0.25
