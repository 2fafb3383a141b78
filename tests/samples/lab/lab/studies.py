"""The study: difference of two group means, its worth at a stored price, and whether it is significant.

Each wrong study is wrong in one way. None of them calls Claude.
"""

from __future__ import annotations

import math
import statistics
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import mlflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Inputs = dict[str, Any]
    Output = dict[str, Any]

CRITICAL_Z = 1.96
GUESSED_PRICE_USD = 100.0


class PriceStore:
    """Where prices are kept."""

    @staticmethod
    def price_usd() -> float:
        """Return the price of a unit of effect."""
        return 250.0


@contextmanager
def without_prices() -> Iterator[None]:
    """Turn the price store off for the block."""
    with patch.object(PriceStore, "price_usd", side_effect=ConnectionError("the price store is down")):
        yield


@contextmanager
def nothing_off() -> Iterator[None]:
    """Turn nothing off."""
    yield


def weighed(inputs: Inputs, *, column: str = "outcome") -> Output:
    """Return effect, significance, worth and where the worth comes from."""
    treated, control = (_values(inputs, column, arm) for arm in ("treated", "control"))
    effect = statistics.fmean(treated) - statistics.fmean(control)
    error = math.sqrt(statistics.variance(treated) / len(treated) + statistics.variance(control) / len(control))
    try:
        price, provenance = PriceStore.price_usd(), "computed"
    except ConnectionError:
        price, provenance = GUESSED_PRICE_USD, "heuristic"
    return {
        "effect": round(effect, 6),
        "significant": abs(effect) > CRITICAL_Z * error,
        "worth_usd": round(effect * price, 2),
        "example": min(row["id"] for row in inputs["rows"]),
        "provenance": provenance,
    }


def _values(inputs: Inputs, column: str, arm: str) -> list[float]:
    return [row[column] for row in inputs["rows"] if row["arm"] == arm]


def by_wrong_column(inputs: Inputs) -> Output:
    """Weigh what stands beside the outcome."""
    return weighed(inputs, column="age")


def as_always(inputs: Inputs) -> Output:
    """Answer the same whatever is asked, of the right shape and size."""
    return {**weighed(inputs), "effect": 2.0, "significant": True, "worth_usd": 500.0}


def as_if_computed(inputs: Inputs) -> Output:
    """Call a guess computed."""
    return {**weighed(inputs), "provenance": "computed"}


def always_significant(inputs: Inputs) -> Output:
    """Find something in everything."""
    return {**weighed(inputs), "significant": True}


def by_hash_order(inputs: Inputs) -> Output:
    """Pick an example by the order of a set."""
    return {**weighed(inputs), "example": ",".join({row["id"] for row in inputs["rows"]})}


def traced(study: Callable[[Inputs], Output], inputs: Inputs, *, with_tag: bool = True) -> Output:
    """Run a study inside a trace."""
    with mlflow.start_span(name="study", span_type="AGENT") as span:
        span.set_inputs(inputs)
        output = study(inputs)
        span.set_outputs(output)
        if with_tag:
            mlflow.update_current_trace(tags={"lab.provenance": output["provenance"]})
    return output


def _target(study: Callable[[Inputs], Output], *, with_tag: bool = True) -> Callable[[Inputs], Output]:
    def call(inputs: Inputs) -> Output:
        return traced(study, inputs, with_tag=with_tag)

    return call


sound = _target(weighed)
canned = _target(as_always)
wrong_column = _target(by_wrong_column)
mislabelled = _target(as_if_computed)
eager = _target(always_significant)
hash_dependent = _target(by_hash_order)
untagged = _target(weighed, with_tag=False)
