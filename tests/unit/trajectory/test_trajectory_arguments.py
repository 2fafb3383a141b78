"""Argument matchers of a tool call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.checks.trajectory.argument import argument_findings, arguments_agree
from e2i_eval.core.errors import CaseFileError
from e2i_eval.dataset.made_case import make_case

if TYPE_CHECKING:
    from e2i_eval.core.case import StepRule


def step_of(**keys: Any) -> StepRule:  # noqa: ANN401  keys of a step
    """Return the step that a case file with these keys asks for."""
    trajectory = {"steps": [{"tool": "search", **keys}]}
    rule = make_case("a/b", target="a", inputs={}, expect={"trajectory": trajectory}).expect.trajectory
    assert rule is not None
    return rule.steps[0]


@pytest.mark.parametrize(
    ("asked", "right", "wrong"),
    [
        (
            {"input": {"id": 7}},
            [{"id": 7}, {"id": 7.0}],
            [{"id": 8}, {}, {"id": 7, "more": 1}, {"id": "7"}, {"id": True}],
        ),
        ({}, [{}, {"id": 7}, "text"], []),
        ({"input": {"id": 7}, "match": {"note": "any"}}, [{"id": 7, "note": None}], [{"id": 7}, {"id": 8, "note": 1}]),
        ({"input": {"id": 7}, "match": {"note": "ignore"}}, [{"id": 7}, {"id": 7, "note": 1}], [{"id": 7, "x": 1}]),
        (
            {"match": {"n": {"min": 1, "max": 5}}},
            [{"n": 1, "more": 1}, {"n": 5}],
            [{"n": 6}, {"n": "3"}, {}, {"n": True}],
        ),
        ({"match": {"n": {"near": 10, "rel": 0.1}}}, [{"n": 9.5}, {"n": 11}], [{"n": 8}, {"n": "10"}, {"n": None}]),
        ({"match": {"n": {"near": 10, "abs": 0.5}}}, [{"n": 10.5}], [{"n": 10.6}, {"n": float("nan")}]),
        ({"match": {"q": {"matches": "^v[0-9]+$"}}}, [{"q": "v12"}], [{"q": "v"}, {"q": 12}]),
        ({"match": {"q": {"one_of": ["a", 1]}}}, [{"q": "a"}, {"q": 1}], [{"q": "b"}, {"q": True}]),
        (
            {"match": {"q": {"length": 2}}},
            [{"q": "ab"}, {"q": [1, 2]}, {"q": {"a": 1, "b": 2}}],
            [{"q": "abc"}, {"q": 12}],
        ),
        ({"match": {"q": {"length": {"min": 1}}}}, [{"q": [0]}], [{"q": []}, {"q": ""}]),
        (
            {"match": {"f.0.region": {"equals": "EU"}}},
            [{"f": [{"region": "EU"}]}],
            [{"f": [{"region": "US"}]}, {"f": []}],
        ),
        (
            {"input": {"f": {"region": "EU"}}, "match": {"f": "subset"}},
            [{"f": {"region": "EU", "page": 2}}],
            [{"f": {"page": 2}}, {"f": {"region": "US"}}, {"f": {"region": "EU"}, "more": 1}],
        ),
        (
            {"input": {"a": 1}, "match": {".": "subset", "b": {"min": 2}}},
            [{"a": 1, "b": 2, "c": 3}],
            [{"a": 1, "b": 1}, {"a": 2, "b": 2}, {"a": 1}],
        ),
        (
            {"input": {"rows": [{"id": 1, "at": "x"}]}, "match": {"rows.0.at": "ignore"}},
            [{"rows": [{"id": 1, "at": "y"}]}, {"rows": [{"id": 1}]}],
            [{"rows": [{"id": 2, "at": "x"}]}, {"rows": [{"id": 1, "at": "x"}, {"id": 1}]}],
        ),
    ],
)
def test_each_matcher(asked: dict[str, Any], right: list[Any], wrong: list[Any]) -> None:
    """What it accepts, what it refuses, and that whatever is refused is explained."""
    step = step_of(**asked)
    for given in right:
        assert arguments_agree(step, given), given
        assert list(argument_findings(step, given, lambda key: key)) == []
    for given in wrong:
        assert not arguments_agree(step, given), given
        assert list(argument_findings(step, given, lambda key: key)), given


def test_an_argument_that_differs_is_named() -> None:
    """With what was asked for, what was given, and where it stands."""
    step = step_of(input={"id": 7}, match={"tags": {"length": {"min": 2}}})

    wrong_id, short = argument_findings(step, {"id": 8, "tags": ["a"]}, lambda key: f"file:{key}")

    assert (wrong_id.field, wrong_id.expected, wrong_id.actual, wrong_id.where) == (
        "input.id",
        "7",
        "8",
        "file:input.id",
    )
    assert (short.field, short.expected, short.actual) == ("input.tags", "length at least 2", '["a"]')
    assert short.message == "has length 1"


@pytest.mark.parametrize(
    ("trajectory", "message"),
    [
        ({"steps": [{}]}, "must name a node or a tool, one of them"),
        ({"steps": [{"node": "a", "tool": "b"}]}, "must name a node or a tool, one of them"),
        ({"steps": [{"node": "a", "input": {}}]}, "is a node, which has no 'input' and no 'match'"),
        ({"steps": [{"tool": "a", "match": {"x": "anny"}}]}, "did you mean 'any'?"),
        ({"steps": [{"tool": "a", "match": {"x": {}}}]}, "demands nothing"),
        ({"steps": [{"tool": "a", "match": {"x": {"near": 1}}}]}, "has 'near' without 'rel' or 'abs'"),
        (
            {"steps": [{"tool": "a", "match": {"x": {"length": -1}}}]},
            "match.x.length must be greater than or equal to 0",
        ),
        ({"steps": [{"tool": "a", "match": {"x": "subset"}}]}, "no 'input' to be a part of"),
        ({"steps": [], "mode": "strict", "in_order": True}, "has 'in_order', which 'strict' settles already"),
        ({"steps": [{"tool": "a"}], "of": "nodes"}, "looks at nodes alone, but its step 1 is another"),
        ({"steps": [], "mode": "superste"}, "did you mean 'superset'?"),
    ],
)
def test_a_mistake_says_what_to_type(trajectory: dict[str, Any], message: str) -> None:
    """Whatever could not be meant is refused."""
    with pytest.raises(CaseFileError) as refused:
        make_case("a/b", target="a", inputs={}, expect={"trajectory": trajectory})

    assert message in str(refused.value)
