"""A sample has each kind of behaviour before it has any twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from e2i_eval.dataset.harvest.kind import Kind
from e2i_eval.dataset.harvest.sampling import SampledTrace, sampled, unique


def _row(number: int, ends: str, *, has_cassette: bool = True) -> SampledTrace:
    kind = Kind(target="support", path=("act*1",), tools=(), outcome="ok", ends=(ends,), tokens=2)
    return SampledTrace(
        trace_id=f"tr-{number:03}", target="support", digest=str(number), kind=kind, has_cassette=has_cassette
    )


MANY = [
    *(_row(number, "end_turn") for number in range(90)),
    *(_row(number, "529") for number in range(90, 98)),
    _row(98, "refusal"),
]


def test_every_kind_is_there_before_any_is_there_twice() -> None:
    """The one refusal of 99 traces is in a sample of six."""
    chosen = Counter(row.kind.ends[0] for row in sampled(MANY, 6, seed=1))

    assert chosen == {"refusal": 1, "529": 3, "end_turn": 2}


def test_with_fewer_places_than_kinds_the_rarest_stay() -> None:
    """What happens all the time is known already."""
    assert [row.kind.ends[0] for row in sampled(MANY, 2, seed=1)] == ["refusal", "529"]


def test_a_seed_chooses_the_same_again() -> None:
    """Whatever order the server gives them in."""
    assert sampled(MANY, 20, seed=3) == sampled(MANY[::-1], 20, seed=3)
    assert sampled(MANY, 20, seed=3) != sampled(MANY, 20, seed=4)
    assert sorted(row.trace_id for row in sampled(MANY, None, seed=3)) == [row.trace_id for row in MANY]


def test_of_the_same_behaviour_the_one_that_can_be_replayed_stays() -> None:
    """Otherwise the first, which is the newest."""
    bare = _row(1, "end_turn", has_cassette=False)
    whole = replace(_row(2, "end_turn"), digest="1")

    assert unique([bare, whole, replace(whole, trace_id="tr-9")]) == [whole]
