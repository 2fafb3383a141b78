"""Drift: what was injected is found, grows with what was injected, and nothing is found at rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from e2i.agents.drift_monitor.assessment import ALPHA, corrected, magnitude
from e2i.agents.drift_monitor.concept import concept_test
from e2i.agents.drift_monitor.nodes import FEATURES, assess, compare
from e2i.agents.drift_monitor.shift import shifts
from e2i.agents.drift_monitor.state import Request
from e2i.data import BATCHES, BRANDS, reference_batch, scoring_batch
from e2i.data.batch import LABEL


def judged(brand: str, batch: str, seed: int, n_hcps: int = 2_000) -> dict[str, Any]:
    """Return what the computing nodes say of a batch, without Claude."""
    request = Request(brand=brand, batch=batch, seed=seed, n_hcps=n_hcps)
    return dict(assess(compare({"request": request.model_dump()})))


def test_no_alarm_at_rest() -> None:
    """Over 40 null batches the family-wise error holds: at 1 % more than three alarms have a chance below 0.001."""
    alarms = [
        judged(brand, "steady", seed, n_hcps=1_000)["severity"] != "none"
        for brand in ("Remibrutinib", "Kisqali")
        for seed in range(20)
    ]

    assert sum(alarms) <= 3


@pytest.mark.parametrize("batch", [name for name in BATCHES if name not in {"steady", "tiny", "empty"}])
def test_what_was_injected_is_found(batch: str) -> None:
    """Features and concept as recorded, for every batch."""
    found = judged("Fabhalta", batch, seed=7)

    assert sorted(found["drifted"]) == list(BATCHES[batch].features)
    assert found["concept_drift"] is BATCHES[batch].concept


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_magnitude_grows_with_the_shift(brand: str, seed: int) -> None:
    """A larger shift, a larger magnitude, and each near what was injected."""
    names = ("steady", "access_shift_small", "access_shift", "access_shift_large")
    found = [judged(brand, name, seed)["drift_magnitude"] for name in names]

    assert found == sorted(found)
    assert found[1:] == pytest.approx([0.2, 0.5, 1.0], abs=0.12)


def test_a_shift_of_features_is_no_change_of_concept() -> None:
    """The likelihood-ratio test conditions on features: its p-values are no smaller under a shift."""
    p_values = []
    for seed in range(10):
        frames = (
            reference_batch("Kisqali", seed=seed, n_hcps=1_000),
            scoring_batch("Kisqali", "access_shift_large", seed=seed, n_hcps=1_000),
        )
        tested = concept_test(*frames, features=FEATURES, label=LABEL)
        assert tested is not None
        p_values.append(tested.p_value)

    assert min(p_values) > 0.001
    assert np.mean(p_values) > 0.25


def test_one_label_only_cannot_be_tested() -> None:
    """Where every prescriber converted there is no concept to compare."""
    reference = reference_batch("Kisqali", seed=1)
    batch = scoring_batch("Kisqali", "steady", seed=1).assign(**{LABEL: True})

    assert concept_test(reference, batch, features=FEATURES, label=LABEL) is None


def test_constant_and_missing_columns_are_stated() -> None:
    """A column that is constant or empty on both sides is no drift and no crash."""
    frame = pd.DataFrame({"flat": np.ones(200), "void": np.full(200, np.nan), "moved": np.zeros(200)})
    found = {one.feature: one for one in shifts(frame, frame.assign(moved=np.ones(200)), ("flat", "void", "moved"))}

    assert (found["flat"].difference, found["flat"].p_value) == (0.0, 1.0)
    assert (found["void"].difference, found["void"].p_value, found["void"].missing) == (None, None, 1.0)
    assert found["moved"].difference is None  # no spread on either side to measure it by
    assert found["moved"].p_value == pytest.approx(0.0, abs=1e-9)
    assert magnitude([{"difference": None}, {"difference": -0.3}]) == 0.3


def test_all_tests_of_a_batch_are_one_family() -> None:
    """A p-value that is small alone is none among many."""
    shift = {"feature": "f", "p_value": 0.002, "p_missing": None}
    others = [{"feature": f"f{i}", "p_value": 0.5, "p_missing": 0.5} for i in range(8)]

    assert corrected([shift], None)["f", "p_value"] < ALPHA
    assert corrected([shift, *others], 0.5)["f", "p_value"] > ALPHA
