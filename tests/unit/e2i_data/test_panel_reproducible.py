"""The panel is a function of its spec, quick, and safe to share."""

from __future__ import annotations

import hashlib
import time

import numpy as np
import pandas as pd
import pytest

from e2i.data import BRANDS, REGIONS, SEGMENTS, PanelSpec, SliceError, brand_panel, panel_slice
from e2i.data.panel import seeded


def digest(spec: PanelSpec, brand: str = "Kisqali") -> str:
    """Return a hash of everything in a panel, drawn afresh."""
    panel = brand_panel.__wrapped__(brand, spec)
    rows = pd.util.hash_pandas_object(panel.hcps).to_numpy().tobytes()
    return hashlib.sha256(rows + panel.trx.tobytes() + panel.nrx.tobytes() + repr(panel.truth).encode()).hexdigest()


def test_equal_specs_give_equal_panels() -> None:
    """Drawn twice, the same to the last byte."""
    assert digest(PanelSpec(seed=3)) == digest(PanelSpec(seed=3))


@pytest.mark.parametrize(
    "other",
    [
        PanelSpec(seed=4),
        PanelSpec(seed=3, n_hcps=4_999),
        PanelSpec(seed=3, confounded=True),
        PanelSpec(seed=3, shortfalls=False),
        PanelSpec(seed=3, missing_access=0.1),
        PanelSpec(seed=3, campaign="nobody"),
    ],
    ids=str,
)
def test_every_part_of_the_spec_counts(other: PanelSpec) -> None:
    """Another seed, size or switch is another panel."""
    assert digest(other) != digest(PanelSpec(seed=3))


def test_brands_are_drawn_independently() -> None:
    """Two brands of one seed share no trait."""
    one, two = (brand_panel(brand, PanelSpec(seed=3)).hcps["volume"] for brand in ("Kisqali", "Fabhalta"))

    assert abs(np.corrcoef(one, two)[0, 1]) < 0.05


def test_streams_are_told_apart_by_name() -> None:
    """Same seed and name, same numbers; another name, others."""
    assert seeded(1, "a").random() == seeded(1, "a").random() != seeded(1, "b").random()


def test_panel_is_cached_and_all_brands_take_about_a_second() -> None:
    """The first call draws, the second returns the same object."""
    start = time.process_time()
    panels = [brand_panel(brand, PanelSpec(seed=99)) for brand in BRANDS]

    assert time.process_time() - start < 2.0
    assert all(brand_panel(brand, PanelSpec(seed=99)) is panel for brand, panel in zip(BRANDS, panels, strict=True))


def test_shared_counts_cannot_be_changed() -> None:
    """A caller that writes into the cached counts is stopped."""
    with pytest.raises(ValueError, match="read-only"):
        brand_panel("Kisqali", PanelSpec()).trx[0, 0] = 1


@pytest.mark.parametrize("brand", BRANDS)
def test_panel_has_the_promised_shape(brand: str) -> None:
    """24 months of counts for every prescriber; regions, segments and specialties as declared; nothing missing."""
    panel = brand_panel(brand, PanelSpec())

    assert panel.trx.shape == panel.nrx.shape == (5_000, 24)
    assert (panel.nrx <= panel.trx).all()
    assert panel.nrx.min() >= 0
    assert set(panel.hcps["region"]) == set(REGIONS)
    assert set(panel.hcps["segment"]) == set(SEGMENTS)
    assert set(panel.hcps["specialty"]) == set(BRANDS[brand].specialties)
    assert panel.hcps.notna().to_numpy().all()
    assert panel.hcps.groupby("territory")[["rep_capacity", "region"]].nunique().to_numpy().max() == 1


def test_missing_values_are_lost_as_asked() -> None:
    """The share of missing access is the one of the spec, and nothing else moves."""
    whole, holed = (brand_panel("Kisqali", PanelSpec(seed=3, missing_access=share)) for share in (0.0, 0.2))

    assert holed.hcps["access"].isna().mean() == pytest.approx(0.2, abs=0.02)
    assert holed.hcps.drop(columns="access").equals(whole.hcps.drop(columns="access"))


@pytest.mark.parametrize("wrong", [{"n_hcps": 0}, {"n_hcps": 10**6}, {"missing_access": 1.0}, {"seed": -1}])
def test_senseless_specs_are_refused(wrong: dict[str, int]) -> None:
    """The error names the field and the value."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PanelSpec(**wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_slice_selects_and_counts_what_it_dropped() -> None:
    """Filters hold, and incomplete rows are counted."""
    chosen = panel_slice("Kisqali", PanelSpec(missing_access=0.1), kpi="trx", region="West", specialty=None)

    assert set(chosen.hcps["region"]) == {"West"}
    assert chosen.dropped > 0
    assert chosen.hcps.notna().to_numpy().all()


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"kpi": "share", "region": None, "specialty": None}, "unknown KPI 'share'; known are trx, nrx"),
        ({"kpi": "trx", "region": "Mars", "specialty": None}, "unknown region 'Mars'"),
        ({"kpi": "trx", "region": "West", "specialty": "allergy"}, "region 'West', specialty 'allergy'"),
    ],
)
def test_empty_slices_say_why(filters: dict[str, str | None], message: str) -> None:
    """What is unknown or matches nobody is named."""
    with pytest.raises(SliceError, match=message):
        panel_slice("Kisqali", PanelSpec(), **filters)  # type: ignore[arg-type]  # kpi is never None here
