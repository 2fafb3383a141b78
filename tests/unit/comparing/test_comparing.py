"""What a comparison finds better, worse, or undecided."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2i_eval.gate.compare import compare_runs, side_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.unit.comparing.conftest import Maker

    from e2i_eval.runner.report import Report

CASE = st.tuples(st.sampled_from(["pass", "fail", "error"]), st.integers(0, 3), st.booleans())
RUN = st.dictionaries(st.sampled_from([f"{t}/{c}" for t in "abc" for c in "12345"]), CASE, min_size=1)


def _run(make: Maker, drawn: dict[str, tuple[str, int, bool]], *, mode: str, name: str) -> Report:
    cases = [
        replace(
            make.case(case_id, status, input_tokens=100.0 + more),  # type: ignore[arg-type]
            quarantine="until tomorrow" if held else "",
        )
        for case_id, (status, more, held) in sorted(drawn.items())
    ]
    return make.run(*cases, mode=mode, name=name)


@settings(max_examples=60, deadline=None)
@given(drawn=RUN, mode=st.sampled_from(["mock", "replay", "live"]))
def test_a_run_compared_with_itself_has_no_difference(
    make: Maker, drawn: dict[str, tuple[str, int, bool]], mode: str
) -> None:
    """Whatever is wrong with it, nothing of that is new, and everything is known."""
    run = _run(make, drawn, mode=mode, name="x")

    comparison = make.compared(run, run)

    (pair,) = comparison.pairs
    assert comparison.status == "pass"
    assert (pair.flips, pair.doubts, pair.only_base, pair.only_head) == ((), (), (), ())
    assert {each.outcome for each in pair.figures} <= {"same", "shown"}


@settings(max_examples=60, deadline=None)
@given(one=RUN, other=RUN, mode=st.sampled_from(["mock", "live"]))
def test_the_other_way_round_broken_is_mended(
    make: Maker, one: dict[str, tuple[str, int, bool]], other: dict[str, tuple[str, int, bool]], mode: str
) -> None:
    """And what only one has, only the other has."""
    runs = [_run(make, one, mode=mode, name="x"), _run(make, other, mode=mode, name="y")]
    (there,), (back,) = make.compared(*runs).pairs, make.compared(*reversed(runs)).pairs

    def flipped(pair: object, kind: str) -> list[str]:
        return [flip.case_id for flip in pair.flips if flip.kind == kind]  # type: ignore[attr-defined]

    assert flipped(there, "broken") == flipped(back, "mended")
    assert flipped(there, "mended") == flipped(back, "broken")
    assert flipped(there, "changed") == flipped(back, "changed")
    assert there.only_base == back.only_head
    assert there.only_head == back.only_base
    assert [each.worse for each in there.figures] == [each.better for each in back.figures]
    for a, b in zip(there.quality, back.quality, strict=True):
        assert (a.broken, a.passed_before) == (b.mended, b.passed_after)


@pytest.mark.parametrize(
    ("metric", "amount"),
    [
        ("input_tokens", 101.0),
        ("output_tokens", 11.0),
        ("claude_calls", 2.0),
        ("cost_usd", 0.0011),
        ("logging_completeness", 0.99),
    ],
)
def test_the_smallest_growth_is_worse_in_mock(make: Maker, metric: str, amount: float) -> None:
    """In one case, even if another case saves more; the other way round it is worse too, for that other case."""
    grown = {**make.case("support/a").measurements, metric: amount}
    base = make.run(make.case("support/a"), replace(make.case("support/b"), measurements=grown), name="x")
    head = make.run(replace(make.case("support/a"), measurements=grown), make.case("support/b"), name="y")

    comparison = make.compared(base, head)

    assert comparison.status == "fail"
    assert comparison.pairs[0].figure(metric).worse == ("support/a",)
    assert comparison.pairs[0].figure(metric).better == ("support/b",)


def test_growth_within_the_tolerance_is_allowed(make: Maker) -> None:
    """Up to the percent that was named, and not for logging."""
    base = make.run(make.case("support/a"), name="x")
    head = make.run(make.case("support/a", input_tokens=105.0), name="y")
    lost = make.run(make.case("support/a", logging_completeness=0.99), name="y")

    assert make.compared(base, head, tolerance=0.05).status == "pass"
    assert make.compared(base, head, tolerance=0.049).status == "fail"
    assert make.compared(base, lost, tolerance=0.5).status == "fail"


@pytest.mark.parametrize("status", ["fail", "error"])
def test_one_broken_case_is_worse_in_mock(make: Maker, status: str) -> None:
    """Also when it could not be judged, and when another was fixed; it is named with its reason."""
    base = make.run(make.case("support/a"), make.case("support/b", "fail"), name="x")
    head = make.run(make.case("support/a", status), make.case("support/b"), name="y")  # type: ignore[arg-type]

    comparison = make.compared(base, head)

    assert comparison.status == "fail"
    assert [(flip.kind, flip.case_id, flip.why) for flip in comparison.pairs[0].flips] == [
        ("broken", "support/a", "output: wrong"),
        ("mended", "support/b", "output: wrong"),
    ]


def test_a_quarantined_case_is_shown_and_not_judged(make: Maker) -> None:
    """Its flip stands there, its verdict blocks nobody."""
    held = replace(make.case("support/a", "fail"), quarantine="until tomorrow")
    base, head = make.run(make.case("support/a"), name="x"), make.run(held, name="y")

    comparison = make.compared(base, head)

    assert comparison.status == "pass"
    assert comparison.pairs[0].flips[0].is_held
    assert "B has 1 case in quarantine, shown and not judged" in comparison.pairs[0].notes


def test_two_tests_of_one_case_are_two_cases(make: Maker) -> None:
    """What is wrong in one of them is not blamed on the other."""
    case = make.case("support/a")
    other = replace(make.case("support/a", "fail", why="slow"), nodeid="evals/test_x.py::test_x", quarantine="mine")
    base = make.run(case, replace(other, verdicts=case.verdicts), name="x")

    comparison = make.compared(base, make.run(case, other, name="y"))

    (flip,) = comparison.pairs[0].flips
    assert (flip.case_id, flip.is_held, flip.why) == ("support/a [evals/test_x.py::test_x]", True, "output: slow")
    assert [case.is_held for case in comparison.sides[1].cases.values()] == [False, True]


@pytest.mark.parametrize(
    ("head", "doubt"),
    [
        (("support/b",), "A and B have no case in common"),
        ((), "B has no result of support/a"),
    ],
)
def test_lost_cases_are_never_a_pass(make: Maker, head: Sequence[str], doubt: str) -> None:
    """What did not run may be broken."""
    comparison = make.compared(make.run(make.case("support/a"), name="x"), make.run(*map(make.case, head), name="y"))

    assert comparison.status == "inconclusive"
    assert doubt in comparison.pairs[0].doubts


def test_a_new_case_is_a_word_and_no_doubt(make: Maker) -> None:
    """It has nothing to be worse than."""
    comparison = make.compared(
        make.run(make.case("support/a"), name="x"),
        make.run(make.case("support/a"), make.case("support/b", "fail"), name="y"),
    )

    assert comparison.status == "pass"
    assert comparison.pairs[0].only_head == ("support/b",)


@pytest.mark.parametrize("mode", ["mock", "live"])
def test_what_one_run_alone_has_measured_is_a_doubt(make: Maker, mode: str) -> None:
    """A cost that became unknown is not a cost that fell."""
    case = make.case("support/a")
    unpriced = replace(case, measurements={k: v for k, v in case.measurements.items() if k != "cost_usd"})
    for pair in ((case, unpriced), (unpriced, case)):
        runs = (make.run(each, mode=mode, name=str(place)) for place, each in enumerate(pair))
        comparison = make.compared(*runs)

        assert comparison.status == "inconclusive"
        assert any("cost_usd of support/a is known in one run only" in each for each in comparison.pairs[0].doubts)


def test_runs_of_other_modes_or_prices_are_not_compared(make: Maker) -> None:
    """It is named, and it is not a pass."""
    base = make.run(make.case("support/a"), name="x")
    live = make.run(make.case("support/a", input_tokens=500.0), mode="live", name="y")
    priced = make.run(make.case("support/a", cost_usd=0.002), name="y")
    priced = replace(priced, session={**priced.session, "prices": "2027-01-01"})

    for head, doubt in (
        (live, "A has Claude mock, B has Claude live"),
        (priced, "cost_usd: A has prices of 2026-11-10, B those of 2027-01-01"),
    ):
        comparison = make.compared(base, head)
        assert comparison.status == "inconclusive"
        assert doubt in comparison.pairs[0].doubts


def test_a_problem_that_is_new_is_a_doubt(make: Maker) -> None:
    """A worker that died took its cases with it."""
    base = make.run(make.case("support/a"), name="x")
    head = replace(base, session={**base.session, "id": "y"}, problems=("a worker is gone",))

    assert make.compared(base, head).status == "inconclusive"
    assert make.compared(base, head).pairs[0].doubts == ("B had a problem: a worker is gone",)


def test_logging_that_changes_answers_is_worse(make: Maker) -> None:
    """The overhead itself is shown with its interval, and not judged."""
    base = replace(make.run(make.case("support/a"), name="x"), overheads=(make.overhead(0.7),))
    slower = replace(make.run(make.case("support/a"), name="y"), overheads=(make.overhead(9.0),))
    differs = replace(slower, overheads=(make.overhead(0.7, "the output differs"),))

    assert make.compared(base, slower).status == "pass"
    assert make.compared(base, differs).status == "fail"
    assert make.compared(differs, differs).status == "pass"


def test_a_clear_drop_of_live_runs_is_worse(make: Maker) -> None:
    """Over many targets, and in each of them alone."""
    comparison = make.compared(make.many(10, 12, name="x"), make.many(10, 12, failed=8, name="y"))

    (pair,) = comparison.pairs
    assert comparison.status == "fail"
    assert pair.quality[0].outcome == "worse"
    assert pair.quality[0].rate_after is not None
    assert pair.quality[0].rate_after.method == "Wilson"
    assert pair.quality[0].difference is not None
    assert pair.quality[0].difference.value == pytest.approx(-8 / 12)
    assert make.compared(*(side.report for side in reversed(comparison.sides))).status == "pass"


def test_one_flip_of_live_runs_is_chance(make: Maker) -> None:
    """It is named; what could have been seen is shown."""
    head = make.many(10, 12, name="y")
    head = replace(head, cases=(make.case("agent-00/case-00", "fail"), *head.cases[1:]))

    comparison = make.compared(make.many(10, 12, name="x"), head)

    assert [flip.case_id for flip in comparison.pairs[0].flips] == ["agent-00/case-00"]
    assert not comparison.pairs[0].is_worse
    assert comparison.pairs[0].detectable == "a drop of 9 points over 120 cases, four times in five"


def test_too_few_live_cases_decide_nothing(make: Maker) -> None:
    """Not even if all of them break."""
    comparison = make.compared(make.many(1, 3, name="x"), make.many(1, 3, failed=3, name="y"))

    assert comparison.status == "inconclusive"
    assert "not even the worst outcome" in comparison.pairs[0].doubts[0]


def test_growth_in_all_live_targets_is_worse_and_in_one_is_chance(make: Maker) -> None:
    """Tokens are judged in total, clustered by target."""
    base = make.many(12, 4, name="x")
    grown, one = (
        replace(
            base,
            session={**base.session, "id": "y"},
            cases=tuple(
                replace(case, measurements={**case.measurements, "input_tokens": 110.0 + place % 3})
                if place < several
                else case
                for place, case in enumerate(base.cases)
            ),
        )
        for several in (48, 2)
    )

    assert make.compared(base, grown).pairs[0].figure("input_tokens").outcome == "worse"
    assert make.compared(base, grown, tolerance=0.2).pairs[0].figure("input_tokens").outcome != "worse"
    assert make.compared(base, one).pairs[0].figure("input_tokens").outcome == "same"


def test_the_data_is_plain_json(make: Maker) -> None:
    """With everything a program needs."""
    base = replace(make.run(make.case("support/a"), name="x"), overheads=(make.overhead(0.7),))
    data = json.loads(json.dumps(make.compared(base, base, base).to_json(), allow_nan=False))

    assert data["schema"] == 1
    assert data["status"] == "pass"
    assert [pair["head"] for pair in data["pairs"]] == ["B", "C"]


def test_one_run_is_no_comparison(make: Maker) -> None:
    """And a negative tolerance has no meaning."""
    side = side_of("A", "x", make.run(make.case("support/a")))
    for sides, tolerance in (([side], 0.0), ([side, side], -0.1)):
        with pytest.raises(ValueError, match="cannot be compared"):
            compare_runs(sides, tolerance=tolerance)
