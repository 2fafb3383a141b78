"""No module needs itself: what it imports, for its types or inside a function too, never leads back to it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = {"e2i_eval": ROOT / "harness", "e2i": ROOT / "fixtures"}


def module_files(package: str) -> dict[str, Path]:
    """Return the file of each module of ``package`` by the module's name."""
    base = PACKAGES[package]
    return {_module_name(file.relative_to(base)): file for file in (base / package).rglob("*.py")}


def _module_name(file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph(files: dict[str, Path]) -> dict[str, set[str]]:
    """Return which modules each one imports, wherever in its text it does."""
    return {name: _imported(name, file, files) for name, file in files.items()}


def _imported(name: str, file: Path, files: dict[str, Path]) -> set[str]:
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package.split(".")[: len(package.split(".")) + 1 - node.level]) if node.level else ""
            source = ".".join(filter(None, (above, node.module)))
            submodules = {f"{source}.{alias.name}" for alias in node.names}
            found |= {each if each in files else source for each in submodules}
        elif isinstance(node, ast.Call) and node.args and _is_import_module(node.func):
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                found.add(argument.value)
    return (found & files.keys()) - {name}


def _is_import_module(function: ast.expr) -> bool:
    return "import_module" in {getattr(function, "attr", ""), getattr(function, "id", "")}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the sets of modules that reach each other, by name; each is a circle of imports."""

    @cache
    def reachable(start: str) -> frozenset[str]:
        seen: set[str] = set()
        left = [start]
        while left:
            new = graph[left.pop()] - seen
            seen |= new
            left += new
        return frozenset(seen)

    found = {frozenset(other for other in reachable(name) if name in reachable(other)) for name in graph}
    return sorted(sorted(circle) for circle in found if circle)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_import_leads_back(package: str) -> None:
    """Type imports count: whoever reads a module must be able to leave out all that imports it."""
    graph = import_graph(module_files(package))
    arrows = [_arrows(circle, graph) for circle in circles(graph)]

    assert not arrows, "\n".join(["modules that need each other:", *arrows])


def _arrows(circle: list[str], graph: dict[str, set[str]]) -> str:
    return "\n".join(f"  {name} -> {', '.join(sorted(graph[name] & {*circle}))}" for name in circle)


@pytest.mark.parametrize(
    "back",
    [
        "from made.core import value",
        "from .core import value",
        "from . import core",
        "import made.core",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from made.core import value",
        "def late() -> None:\n    from made.core import value",
        "import importlib\ncore = importlib.import_module('made.core')",
    ],
)
def test_a_circle_is_found_in_every_form(tmp_path: Path, back: str) -> None:
    """A check that overlooks a form of import would be green for the wrong reason."""
    texts = {"made": "", "made.core": "from made.shell import run", "made.shell": back, "made.cli": "import made.shell"}
    files = {name: tmp_path / f"{name}.py" for name in texts}
    for name, file in files.items():
        file.write_text(texts[name], encoding="utf-8")

    assert circles(import_graph(files)) == [["made.core", "made.shell"]]
