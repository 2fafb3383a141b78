"""The drawing of the imports in ARCHITECTURE.md is the one that CI enforces."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_LAYERS = 12
MOST_ENTRIES = 16
"""Of the package's folder: what a newcomer can hold in the head."""


def configured_layers() -> list[str]:
    """Return the layers that import-linter enforces, top first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = [each for each in contracts if each["type"] == "layers"]
    assert layers["exhaustive"]
    return list(layers["layers"])


def drawn_layers() -> list[str]:
    """Return the layers of the drawing in ARCHITECTURE.md, top first."""
    page = (ROOT / "docs/ARCHITECTURE.md").read_text("utf-8")
    drawing = page.partition("## Who imports whom")[2].partition("```text\n")[2].partition("```")[0]
    return [re.split(r" {2,}", line)[0] for line in drawing.splitlines()]


def test_the_page_draws_the_enforced_layers() -> None:
    """Whoever moves a room changes the page as well."""
    assert drawn_layers() == configured_layers()


def test_the_layers_stay_few() -> None:
    """More would no longer fit in the head."""
    assert len(configured_layers()) <= MOST_LAYERS


def test_the_rooms_stay_few() -> None:
    """A new concept goes into a room that is there, or replaces one."""
    rooms = [each for each in (ROOT / "harness/e2i_eval").iterdir() if each.name != "__pycache__"]

    assert len(rooms) <= MOST_ENTRIES, sorted(each.name for each in rooms)


def test_each_room_is_a_layer() -> None:
    """The drawing leaves none out."""
    drawn = {name for layer in drawn_layers() for name in layer.split(" | ")}
    there = {each.name.removesuffix(".py") for each in (ROOT / "harness/e2i_eval").iterdir()}

    assert there - {"__init__", "__pycache__", "py.typed"} == drawn
