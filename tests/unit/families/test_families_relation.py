"""Relations between two answers: what breaks them, and what the finding shows."""

from __future__ import annotations

from typing import Any

import pytest

from e2i_eval.core.case import Tolerance
from e2i_eval.runner.families.relation import Must, Relation

WHERE = "families.toml:7"


def messages(before: Any, after: Any, must: Must, *, path: str = "x", **keys: Any) -> list[str]:  # noqa: ANN401  JSON
    """Return what is wrong between two outputs."""
    relation = Relation(paths=(path,), must=must, **keys)
    return [finding.message for finding in relation.breaches(before, after, where=WHERE)]


@pytest.mark.parametrize(
    ("must", "before", "after"),
    [
        ("same", 1.0, 1.0),
        ("same", {"a": [1, "b"]}, {"a": [1, "b"]}),
        ("same", float("nan"), float("nan")),
        ("change", 1.0, 1.5),
        ("change", "a", "b"),
        ("change", None, 1.0),
        ("increase", 1.0, 1.5),
        ("decrease", 1.0, -1.5),
    ],
)
def test_holds(must: Must, before: object, after: object) -> None:
    """What is as demanded raises nothing."""
    assert messages({"x": before}, {"x": after}, must) == []


@pytest.mark.parametrize(
    ("must", "before", "after", "message"),
    [
        ("same", 1.0, 1.5, "1.0 became 1.5"),
        ("same", 1, True, "1 became true"),
        ("change", "a", "a", "did not change, as an answer does that is canned"),
        ("increase", 1.0, 1.0, "did not change"),
        ("increase", 1.0, 0.5, "moved the wrong way"),
        ("decrease", 1.0, 1.5, "moved the wrong way"),
        ("increase", 1.0, "1.5", "is not a number both times"),
        ("increase", False, True, "is not a number both times"),
        ("decrease", 1.0, float("nan"), "moved the wrong way"),
        ("increase", float("nan"), 1.0, "moved the wrong way"),
    ],
)
def test_is_broken(must: Must, before: object, after: object, message: str) -> None:
    """What is not as demanded is named."""
    assert messages({"x": before}, {"x": after}, must) == [message]


@pytest.mark.parametrize("must", ["same", "change", "increase", "decrease"])
def test_nothing_to_compare_is_never_a_pass(must: Must) -> None:
    """A value that is missing or null both times proves nothing, whatever is demanded."""
    assert messages({"x": None}, {"x": None}, must) == ["is null both times, so nothing was compared"]
    assert messages({}, {"x": 1}, must) == ["the output has no such value before the change"]
    assert messages({"x": 1}, {}, must) == ["the output has no such value after it"]
    assert messages({}, {}, must) == ["the output has no such value before the change"]


def test_tolerance_is_the_least_change() -> None:
    """Within the tolerance two numbers are the same, in every relation."""
    near: dict[str, Any] = {"tolerance": Tolerance(abs=0.5)}

    assert messages({"x": 1.0}, {"x": 1.4}, "same", **near) == []
    assert messages({"x": 1.0}, {"x": 1.4}, "increase", **near) == ["did not change"]
    assert messages({"x": 1.0}, {"x": 1.6}, "increase", **near) == []
    assert messages({"x": 1.0}, {"x": 1.4}, "change", **near)


def test_whole_output_without_what_does_not_count() -> None:
    """``.`` compares everything but what is ignored."""
    before, after = {"x": 1, "run_id": "a"}, {"x": 1, "run_id": "b"}

    assert messages(before, after, "same", path=".", ignore=("root['run_id']",)) == []
    assert messages(before, after, "same", path=".") == ['run_id: "a" became "b"']


def test_finding_has_both_answers() -> None:
    """Both answers, what was demanded, and the place that demands it."""
    relation = Relation(paths=("x",), must="increase", tolerance=Tolerance(rel=0.1))
    (finding,) = relation.breaches({"x": 2.0}, {"x": 1.0}, where=WHERE)

    assert finding.field == "output.x"
    assert finding.expected == "more (tolerance: rel 0.1, abs 0), before the change: 2.0"
    assert finding.actual == "1.0 after it"
    assert finding.where == WHERE
