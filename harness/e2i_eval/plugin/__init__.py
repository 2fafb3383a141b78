"""The pytest plugin's entry: declares the flags and, only when asked to, brings in the rest.

Importing this module imports pytest and the standard library only; a plain ``pytest`` never goes further.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from e2i_eval.runner.config.options import OPTIONS, is_enabled

if TYPE_CHECKING:
    import pytest

    from e2i_eval.runner.config.options import Option

__all__ = ["MARKER"]

MARKER = "e2i"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare every flag together with its ini option."""
    group = parser.getgroup("e2i-eval", "evaluation of LangGraph agents and their MLflow logging")
    for option in OPTIONS:
        for spelling in option.spellings:
            _declare(parser, group, spelling, former_of="" if spelling is option else option.dest)


def _declare(parser: pytest.Parser, group: pytest.OptionGroup, option: Option, *, former_of: str) -> None:
    """Declare one flag and its ini option; former names are not shown among the flags."""
    ini_help = f"former name of {former_of}" if former_of else f"{option.help} (as {option.flag})"
    parser.addini(option.dest, ini_help, type=option.ini_type, default=None)
    kwargs: dict[str, object] = {
        "action": option.action,
        "dest": option.dest,
        "help": argparse.SUPPRESS if former_of else option.help,
    }
    if option.action != "store_true":
        kwargs |= {"metavar": option.metavar, "default": None}
    if option.choices:
        kwargs |= {"choices": option.choices}
    group.addoption(option.flag, **kwargs)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and the evaluation itself when it was asked for."""
    config.addinivalue_line("markers", f"{MARKER}(target): evaluates that target; runs with --e2i-eval only")
    if is_enabled(config.getoption, config.getini):
        from e2i_eval.plugin.evaluation import register  # noqa: PLC0415  all that is heavy is behind this line

        register(config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out evaluations written in Python unless they were asked for."""
    if is_enabled(config.getoption, config.getini):
        return
    evaluations = [item for item in items if item.get_closest_marker(MARKER)]
    if evaluations:
        config.hook.pytest_deselected(items=evaluations)
        items[:] = [item for item in items if not item.get_closest_marker(MARKER)]
