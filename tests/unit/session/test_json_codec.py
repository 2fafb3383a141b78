"""Frozen dataclasses as JSON: what is written, what is read back, what is refused."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import pytest

from e2i_eval.core.behaviour import Behaviour
from e2i_eval.core.call_record import CallRecord, FieldRecord
from e2i_eval.core.estimate import Estimate
from e2i_eval.core.json_codec import from_json, to_json
from e2i_eval.core.verdict import Finding, Verdict
from e2i_eval.dataset.update.change import Change, Edit
from e2i_eval.runner.report import CaseResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.core.json_value import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the sample."""

    size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One field of each kind that the harness uses."""

    value: JsonValue
    ratio: float
    parts: tuple[Part, ...]
    pairs: tuple[tuple[str, Part], ...] = ()
    by_name: Mapping[str, Part] = field(default_factory=dict)
    words: frozenset[str] = frozenset()
    path: tuple[str | int, ...] = ()
    maybe: Part | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lenient(Part):
    """A part that a later version may write with more keys."""

    IGNORES_UNKNOWN_KEYS: ClassVar[bool] = True


SAMPLE = Sample(
    value={"any": [1, None]},
    ratio=3,
    parts=(Part(size=1), Part(size=0.5)),
    pairs=(("a", Part(size=2.0)),),
    by_name={"b": Part(size=3)},
    words=frozenset({"y", "x"}),
    path=("claude", 0),
    maybe=Part(size=4),
)

WRITTEN = (
    '{"value": {"any": [1, null]}, "ratio": 3, "parts": [{"size": 1}, {"size": 0.5}], "pairs": [["a", {"size": 2.0}]], '
    '"by_name": {"b": {"size": 3}}, "words": ["x", "y"], "path": ["claude", 0], "maybe": {"size": 4}}'
)


def test_every_kind_of_field_is_written_in_order_and_read_back() -> None:
    """Numbers keep their form: a 3 among floats is no 3.0."""
    text = json.dumps(to_json(SAMPLE))

    assert text == WRITTEN
    assert from_json(Sample, json.loads(text)) == SAMPLE
    assert json.dumps(to_json(from_json(Sample, json.loads(text)))) == WRITTEN


def test_a_nan_stays_one() -> None:
    """What must not have one says so itself."""
    assert math.isnan(to_json(Part(size=math.nan))["size"])


def test_what_is_absent_has_its_default() -> None:
    """Files of an earlier version lack later fields."""
    assert from_json(Sample, {"value": 1, "ratio": 2.0, "parts": []}) == Sample(value=1, ratio=2.0, parts=())


def test_a_key_that_is_no_field_is_refused_unless_the_class_ignores_it() -> None:
    """A report of a later version can be read; a message between processes must fit."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        from_json(Part, {"size": 1, "colour": "red"})

    assert from_json(Lenient, {"size": 1, "colour": "red"}) == Lenient(size=1)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"ratio": 1.0, "parts": []}, TypeError),
        ({"value": 1, "ratio": 1.0, "parts": 5}, TypeError),
        ({"value": 1, "ratio": 1.0, "parts": [5]}, TypeError),
        ({"value": 1, "ratio": 1.0, "parts": [], "pairs": [["a"]]}, ValueError),
        ({"value": 1, "ratio": 1.0, "parts": [], "by_name": ["b"]}, TypeError),
        ([], TypeError),
    ],
)
def test_what_is_nothing_of_the_kind_is_an_error(data: JsonValue, error: type[Exception]) -> None:
    """Those who read files catch these."""
    with pytest.raises(error):
        from_json(Sample, data)


def test_formats_of_their_own() -> None:
    """A field of a call is a list of four; only a model's verdict says by whom; a case says its status."""
    record = CallRecord(
        call="call 1", span="", fields=(FieldRecord(name="model", wire="a", server=None, outcome="missing"),)
    )
    verdict = Verdict(check="logging", status="fail", findings=(Finding(message="m", field="f"),), score=1)
    case = CaseResult(
        case_id="shop/a",
        target="shop",
        nodeid="n",
        where="w",
        verdicts=(verdict,),
        measurements={"a": 1, "b": math.inf},
    )

    assert json.dumps(to_json(record)) == (
        '{"call": "call 1", "span": "", "note": "", "fields": [["model", "a", null, "missing"]]}'
    )
    assert json.dumps(to_json(verdict)) == (
        '{"check": "logging", "status": "fail", "reason": "", "findings": [{"message": "m", "field": "f", '
        '"expected": null, "actual": null, "call": null, "span": null, "where": null}], "score": 1}'
    )
    assert json.dumps(to_json(case)).startswith(
        '{"case_id": "shop/a", "target": "shop", "nodeid": "n", "where": "w", "status": "fail", "verdicts": [{"check"'
    )
    assert json.dumps(to_json(case)).endswith(
        '"measurements": {"a": 1}, "trace_ids": [], "run_id": "", "behaviour": null, "repeat": 0, "planned": 0, '
        '"calls": [], "quarantine": "", "exercised": null, "output": null, "judgements": []}'
    )
    assert from_json(CallRecord, to_json(record)) == record
    assert from_json(Verdict, to_json(verdict)) == verdict


def test_values_that_cross_processes_are_the_same_afterwards() -> None:
    """Tuples are tuples again, at every depth."""
    change = Change(kind="fix", edit=Edit(kind="replace", path=("expect", 0), value=[1]), before=None, reason="r")
    behaviour = Behaviour(nodes=("plan",), loops=(("plan", 2),))
    estimate = Estimate(value=1, low=0.5, high=2, confidence=0.95, method="Wilson")

    for value in (change, behaviour, estimate):
        assert from_json(type(value), json.loads(json.dumps(to_json(value)))) == value
