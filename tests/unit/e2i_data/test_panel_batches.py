"""Scoring batches hold exactly the drift that is on record."""

from __future__ import annotations

import numpy as np
import pytest

from e2i.data import BATCHES, BRANDS, reference_batch, scoring_batch
from e2i.data.batch import CATEGORICAL_FEATURES, LABEL, NUMERIC_FEATURES, TRAINING_MEAN, TRAINING_SD

N = 20_000


@pytest.mark.parametrize("name", [name for name, drift in BATCHES.items() if drift.rows is None])
def test_batch_differs_from_the_null_batch_by_its_record_alone(name: str) -> None:
    """Every feature that the record does not name is the same as at rest, value by value."""
    rest, batch = (scoring_batch("Kisqali", which, n_hcps=2_000) for which in ("steady", name))
    same = [feature for feature in (*NUMERIC_FEATURES, *CATEGORICAL_FEATURES) if rest[feature].equals(batch[feature])]

    assert sorted(set(rest.columns) - {LABEL} - set(same)) == list(BATCHES[name].features)


@pytest.mark.parametrize("name", ["access_shift_small", "access_shift", "access_shift_large", "two_shifts"])
def test_shift_is_as_large_as_recorded(name: str) -> None:
    """In standard deviations of the training population."""
    rest, batch = (scoring_batch("Fabhalta", which, n_hcps=N) for which in ("steady", name))

    for feature, amount in BATCHES[name].shifts:
        moved = (batch[feature] - rest[feature]).dropna()
        assert moved.to_numpy() == pytest.approx(amount * TRAINING_SD[feature])


def test_training_moments_are_those_of_the_population() -> None:
    """The constants the shifts are measured by agree with a large sample."""
    sample = reference_batch("Kisqali", n_hcps=N)

    for feature, sd in TRAINING_SD.items():
        assert sample[feature].std() == pytest.approx(sd, rel=0.03)
        assert sample[feature].mean() == pytest.approx(TRAINING_MEAN[feature], abs=0.03 * sd)


def test_concept_change_turns_the_meaning_of_digital_around() -> None:
    """Before, affinity attracts; after, it repels."""
    lifts = []
    for name in ("steady", "concept_change"):
        batch = scoring_batch("Kisqali", name, n_hcps=N)
        digital = batch["digital"] > 0
        lifts.append(batch.loc[digital, LABEL].mean() - batch.loc[~digital, LABEL].mean())

    assert lifts[0] > 0.1
    assert lifts[1] < -0.1


@pytest.mark.parametrize(("name", "share"), [("missing_digital", 0.2), ("dead_feed", 1.0), ("steady", 0.0)])
def test_missing_values_are_as_recorded(name: str, share: float) -> None:
    """Digital loses the recorded share; access always lacks two in a hundred, in training too."""
    batch = scoring_batch("Remibrutinib", name, n_hcps=N)

    assert batch["digital"].isna().mean() == pytest.approx(share, abs=0.01)
    assert batch["access"].isna().mean() == pytest.approx(0.02, abs=0.005)
    assert reference_batch("Remibrutinib", n_hcps=N)["access"].isna().mean() == pytest.approx(0.02, abs=0.005)


def test_odd_batches_are_odd() -> None:
    """The empty one is empty, the tiny one tiny, the frozen feed holds one value."""
    assert len(scoring_batch("Kisqali", "empty")) == 0
    assert len(scoring_batch("Kisqali", "tiny")) == 20
    assert scoring_batch("Kisqali", "frozen_feed")["years"].unique().tolist() == [16.0]


@pytest.mark.parametrize("brand", BRANDS)
def test_batches_are_reproducible_and_other_people_than_training(brand: str) -> None:
    """Drawn afresh they are equal, and no prescriber of the training data is in them."""
    again = scoring_batch.__wrapped__(brand, "steady")

    assert again.equals(scoring_batch(brand, "steady"))
    assert not np.isin(again["volume"], reference_batch(brand)["volume"]).any()


def test_unknown_batch_is_refused() -> None:
    """By its name."""
    with pytest.raises(KeyError, match="yesterday"):
        scoring_batch("Kisqali", "yesterday")
