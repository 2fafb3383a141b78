"""What on the command line, or in an ini file's ``addopts``, makes pytest run a part of the tests only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from e2i_eval.runner.config.settings import Settings

__all__ = ["narrowing"]

WORDS = {"keyword": "-k", "markexpr": "-m"}
LISTS = {"deselect": "--deselect", "ignore": "--ignore", "ignore_glob": "--ignore-glob"}
SWITCHES = {"lf": "--lf", "stepwise": "--stepwise", "stepwise_skip": "--stepwise-skip"}


def narrowing(config: pytest.Config, settings: Settings) -> Iterator[str]:
    """Yield each flag that narrows the session, as it would be typed; ``-x`` does not unless a test fails."""
    for name, flag in WORDS.items():
        if value := config.getoption(name, default=""):
            yield f"{flag} {value!r}" if " " in str(value) else f"{flag} {value}"
    for name, flag in LISTS.items():
        yield from (f"{flag}={value}" for value in config.getoption(name, default=None) or ())
    yield from (flag for name, flag in SWITCHES.items() if config.getoption(name, default=False))
    yield from (f"--e2i-target={name}" for name in settings.only)
    if config.args_source is config.ArgsSource.ARGS:
        yield from map(str, config.args)
