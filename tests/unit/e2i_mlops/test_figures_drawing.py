"""Figures of an agent's answer: what is drawn, what is not, and what hostile text cannot do."""

from __future__ import annotations

import random
from typing import Any, get_args
from xml.etree import ElementTree as ET

import pytest

from e2i.config import agent_config
from e2i.mlops.figures import KINDS, UnknownFigureError, draw
from e2i.mlops.figures.svg import Tone

SVG = "{http://www.w3.org/2000/svg}"
Json = dict[str, Any]

CAUSAL: Json = {
    "brand": "Kisqali",
    "region": None,
    "kpi": "trx",
    "status": "ok",
    "verdict": "supported",
    "ate": 2.751,
    "ate_ci_low": 2.6,
    "ate_ci_high": 2.9,
    "reached_share": 0.42,
    "naive_difference": 9.17,
    "causal_confidence": 0.99,
    "adjusted_for": ["access", "pre_trx"],
    "refutations_passed": 1,
    "refutations_judged": 2,
    "refuters": [
        {"name": "placebo", "passed": True, "value": 0.02, "expected": 0.0},
        {"name": "negative_control", "passed": False, "value": 0.8, "expected": 0.0},
        {"name": "instrument", "passed": None, "value": None, "expected": None},
    ],
}
GAPS: Json = {
    "brand": "portfolio",
    "kpi": "nrx",
    "roi_total_usd": 37.5e6,
    "gaps": [
        {
            "brand": "Kisqali",
            "region": "West",
            "shortfall": 0.184,
            "shortfall_low": 0.175,
            "shortfall_high": 0.193,
            "lost_usd_per_year": 139.7e6,
            "recoverable_usd_per_year": 40e6,
            "net_usd_per_year": 37.5e6,
        },
        {
            "brand": "Fabhalta",
            "region": "South",
            "lost_usd_per_year": 69.85e6,
            "recoverable_usd_per_year": 900,
            "net_usd_per_year": -250_000,
        },
    ],
}
TEAM: Json = {
    "brand": "Kisqali",
    "routed_by": "claude",
    "routing_confidence": 0.9,
    "dispatched": [
        {"agent": "causal_impact", "tier": 2, "status": "ok", "reason": ""},
        {"agent": "drift_monitor", "tier": 3, "status": "declined", "reason": "unknown batch"},
        {"agent": "resource_optimizer", "tier": 4, "status": "failed", "reason": "ValueError: no"},
    ],
}
PLAN: Json = {
    "brand": "Kisqali",
    "budget_used": 3e6,
    "allocation": [
        {"brand": "Kisqali", "channel": "email", "region": "West", "spend_usd": 1e6, "current_usd": 9e5},
        {"brand": "Kisqali", "channel": "rep_calls", "region": "South", "spend_usd": 2e6, "current_usd": 0.0},
    ],
}
OUTPUTS = {"causal_chain": CAUSAL, "kpi_impact": GAPS, "agent_collaboration": TEAM, "allocation": PLAN}


def drawn(kind: str, output: Json, durations_ms: dict[str, float] | None = None) -> ET.Element:
    """Draw a figure that must be there, and parse it."""
    picture = draw(kind, output, durations_ms or {})
    assert picture is not None
    return ET.fromstring(picture)


def texts(picture: ET.Element) -> list[str]:
    """Return what can be read in a picture."""
    return [element.text or "" for element in picture.iter(f"{SVG}text")]


def bars(picture: ET.Element, tone: str) -> list[float]:
    """Return the lengths of the filled bars of a tone."""
    found = [element for element in picture.iter(f"{SVG}rect") if element.get("class") == f"f-{tone}"]
    return [float(element.get("width", "nan")) for element in found]


def test_every_kind_has_an_example() -> None:
    """A new kind of figure is tested here like the others."""
    assert set(OUTPUTS) == set(KINDS)


@pytest.mark.parametrize("agent", ["causal_impact", "gap_analyzer"])
def test_the_configured_figures_exist(agent: str) -> None:
    """What the YAML files ask for can be drawn, and has a name that a viewer knows."""
    figures = agent_config(agent).figures

    assert figures
    assert set(figures.values()) <= set(KINDS)
    assert all(name.endswith(".svg") for name in figures)


def test_a_causal_claim_shows_estimate_interval_and_refuters() -> None:
    """The number with its interval, what it was adjusted for, and each refuter with its mark."""
    shown = texts(drawn("causal_chain", CAUSAL))

    assert {"+2.75", "95 % +2.60 to +2.90", "verdict: supported", "TRx", "access", "pre trx"} <= set(shown)
    assert [shown[shown.index(name) - 1] for name in ("placebo", "negative control", "instrument")] == ["✓", "✗", "-"]
    assert "attempts to refute it (1 of 2 passed)" in shown
    assert "causal confidence 0.99; a naive comparison would have shown +9.17" in shown


@pytest.mark.parametrize(
    ("verdict", "tone"), [("supported", "good"), ("doubtful", "unsure"), ("not_supported", "muted")]
)
def test_a_verdict_has_its_colour(verdict: str, tone: str) -> None:
    """An estimate that does not stand up is not painted as one that does."""
    picture = drawn("causal_chain", CAUSAL | {"verdict": verdict})
    estimate = next(element for element in picture.iter(f"{SVG}text") if element.text == "+2.75")

    assert estimate.get("class") == f"f-{tone}"


def test_gaps_are_bars_in_proportion() -> None:
    """Half the loss is half the bar; a gap that does not pay is marked and said."""
    picture = drawn("kpi_impact", GAPS)
    whole, half = bars(picture, "line")

    assert half == pytest.approx(whole / 2, abs=0.1)
    assert len(bars(picture, "accent")) == len(bars(picture, "unsure")) == 1
    assert {"Kisqali West", "18.4% short (17.5% to 19.3%)", "$139.7 M lost, net $37.5 M"} <= set(texts(picture))
    assert any("does not pay" in text for text in texts(picture))


def test_more_gaps_than_fit_are_counted() -> None:
    """A figure never silently leaves something out."""
    many = {**GAPS, "gaps": GAPS["gaps"] * 7}

    assert any(text.startswith("2 smaller gaps are not shown") for text in texts(drawn("kpi_impact", many)))


def test_collaboration_shows_who_how_and_how_long() -> None:
    """Each agent with its state; a declined or failed one dashed, with its reason; durations where they are known."""
    picture = drawn("agent_collaboration", TEAM, {"causal_impact": 812.4, "drift_monitor": 406.2})
    shown = texts(picture)
    dashed = [element for element in picture.iter(f"{SVG}path") if element.get("stroke-dasharray")]

    marks = [shown[shown.index(name) - 1] for name in ("causal impact", "drift monitor", "resource optimizer")]

    assert marks == ["✓", "-", "✗"]
    assert {"812 ms", "406 ms", "tier 3", "declined: unknown batch", "claude 90% sure"} <= set(shown)
    assert len(dashed) == 2
    assert bars(picture, "line") == [150.0, 75.0]


def test_a_plan_shows_today_beside_tomorrow() -> None:
    """The largest change comes first."""
    shown = texts(drawn("allocation", PLAN))

    assert shown.index("Kisqali South") < shown.index("Kisqali West")
    assert "$900 k → $1.0 M" in shown


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "output", [{}, {"status": "declined", "ate": None, "gaps": [], "dispatched": [], "allocation": []}]
)
def test_a_declined_question_has_no_figure(kind: str, output: Json) -> None:
    """There is nothing to draw, and nothing is drawn."""
    assert draw(kind, output, {}) is None


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_text_stays_text(kind: str) -> None:
    """Markup, control characters, direction overrides and half characters end as harmless text in sound XML."""
    evil = '</text><script>alert("1")</script>&\x00\x1b[31m\u202egnp.exe\ud800' + "W" * 5_000

    def poisoned(value: object) -> object:
        if isinstance(value, dict):
            return {name: poisoned(item) for name, item in value.items()}
        if isinstance(value, list):
            return [poisoned(item) for item in value]
        return evil if isinstance(value, str) else value

    output = poisoned(OUTPUTS[kind])
    assert isinstance(output, dict)
    picture = drawn(kind, output)
    allowed = {"svg", "title", "style", "rect", "text", "path", "polygon"}

    assert {element.tag.removeprefix(SVG) for element in picture.iter()} <= allowed
    assert all(len(text) < 300 for text in texts(picture))
    assert not any("\u202e" in text for text in texts(picture))


@pytest.mark.parametrize("kind", KINDS)
def test_nonsense_in_an_answer_breaks_no_figure(kind: str) -> None:
    """Whatever stands in the place of a value, a figure is drawn without it or not at all, and never raises."""
    pick = random.Random(7)
    nonsense: list[object] = [
        None,
        "NaN",
        True,
        [],
        {},
        [1, "x", None, {}],
        -1e308,
        10**400,
        float("inf"),
        "text",
        [[]],
    ]

    def mangled(value: object) -> object:
        if pick.random() < 0.25:
            return pick.choice(nonsense)
        if isinstance(value, dict):
            return {name: mangled(item) for name, item in value.items()}
        return [mangled(item) for item in value] if isinstance(value, list) else value

    for _ in range(200):
        output = {name: mangled(value) for name, value in OUTPUTS[kind].items()}
        picture = draw(kind, output, {"causal_impact": 0.0})
        assert picture is None or ET.fromstring(picture).tag == f"{SVG}svg"


def test_both_colour_schemes_are_served() -> None:
    """A dark page gets light text on dark paper: every tone is defined in both schemes."""
    style = next(drawn("causal_chain", CAUSAL).iter(f"{SVG}style")).text or ""
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    tones = [f".{kind}-{tone}" for kind in "fs" for tone in get_args(Tone)]

    assert all(tone in light and tone in dark for tone in [".paper", *tones])


def test_an_unknown_kind_names_the_known_ones() -> None:
    """A typo in a YAML file is told with what may stand there."""
    with pytest.raises(
        UnknownFigureError, match=r"no figure 'causal_chian'; known are agent_collaboration, allocation"
    ):
        draw("causal_chian", CAUSAL, {})
