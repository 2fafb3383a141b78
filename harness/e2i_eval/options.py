"""The flags, declared once as data; the only module that reads the environment.

pytest and the command ``e2i-eval`` are both served from ``OPTIONS``.
Importing this module imports the standard library only.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from e2i_eval.settings import Settings

__all__ = [
    "ENABLE",
    "OPTIONS",
    "Option",
    "cache_folder",
    "environment",
    "is_enabled",
    "one_thread_each",
    "parse_settings",
    "secrets",
]


TEMPORARY_STORE = "temp"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SECRET_SUFFIXES = ("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")
SECRET_MIN_LENGTH = 8
"""Shorter values occur by chance in any text and would raise false alarms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One setting: a pytest flag, an ini option of the same name, and where it makes sense a TOML key.

    Attributes:
        name: ``tracking_uri`` for ``--e2i-tracking-uri``, ini ``e2i_tracking_uri``, TOML ``tracking_uri``.
        help: one line for ``--help``.
        action: how the command line collects it.
        choices: the allowed values; empty allows all.
        metavar: placeholder in ``--help``.
        toml: whether ``[tool.e2i_eval]`` may set it too.
        is_path: a relative value starts at the project's folder in a file, at the current one on the command line.
    """

    name: str
    help: str
    action: Literal["store", "store_true", "append"] = "store"
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    toml: bool = True
    is_path: bool = False

    @property
    def flag(self) -> str:
        """The command-line flag."""
        return "--e2i-" + self.name.replace("_", "-")

    @property
    def dest(self) -> str:
        """The ini option's name, which is also the command line's destination."""
        return "e2i_" + self.name

    @property
    def ini_type(self) -> Literal["string", "args", "bool"]:
        """How pytest reads the ini option: one that may be given several times is a list of words."""
        kinds: dict[str, Literal["string", "args", "bool"]] = {"append": "args", "store_true": "bool"}
        return kinds.get(self.action, "string")


ENABLE = Option(
    name="eval",
    action="store_true",
    toml=False,
    help="evaluate the targets of [tool.e2i_eval] against their golden cases; without it the plugin does nothing",
)

OPTIONS = (
    ENABLE,
    Option(
        name="claude",
        choices=("mock", "live"),
        help="who answers for Claude: the case's script (mock, default) or the configured API (live)",
    ),
    Option(
        name="target",
        action="append",
        metavar="NAME",
        toml=False,
        help="evaluate only this target; may be given several times",
    ),
    Option(
        name="store",
        metavar="PATH|temp",
        is_path=True,
        help="folder of the MLflow store (default .e2i/mlflow); 'temp' throws it away afterwards",
    ),
    Option(
        name="tracking_uri",
        metavar="URI",
        toml=False,
        help="use this MLflow server instead of a temporary one",
    ),
    Option(
        name="report",
        metavar="DIR",
        is_path=True,
        help="folder of report.json (default .e2i)",
    ),
)


def is_enabled(getoption: Callable[[str], object], getini: Callable[[str], object]) -> bool:
    """Tell whether evaluation was asked for, by flag or by ini option."""
    return bool(getoption(ENABLE.dest)) or str(getini(ENABLE.dest)).lower() in {"1", "true", "yes", "on"}


def parse_settings(
    root: Path,
    getoption: Callable[[str], object],
    getini: Callable[[str], object],
) -> Settings:
    """Turn flags, ini options and ``[tool.e2i_eval]`` into ``Settings``; a flag wins over ini, ini over TOML.

    Raises:
        UsageError: one of them is wrong; the message says which and what to type.
    """
    from e2i_eval.settings import read_settings  # noqa: PLC0415  defers pydantic

    chosen = {
        option.name: getoption(option.dest) or _from_ini(option, getini(option.dest), root) for option in OPTIONS[1:]
    }
    for option in OPTIONS[1:]:
        _refuse_unknown_choice(option, chosen[option.name])
    return read_settings(root, chosen, cache=cache_folder(os.environ), invocation=Path.cwd())


def environment() -> MutableMapping[str, str]:
    """Return the process's environment, for the adapters that must change it for the time of a run."""
    return os.environ


def one_thread_each(environ: MutableMapping[str, str]) -> None:
    """Keep numeric libraries to one thread unless the user said otherwise; must come before they are imported.

    Their threads spin while they wait, which on busy cores costs a multiple of the computation:
    9 s became 56 s on two cores with three other processes.
    """
    for variable in THREAD_VARIABLES:
        environ.setdefault(variable, "1")


def cache_folder(environ: MutableMapping[str, str]) -> Path:
    """Return the user's cache folder of this product: ``E2I_EVAL_CACHE``, or the platform's customary place."""
    if chosen := environ.get("E2I_EVAL_CACHE"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "e2i-eval"
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA", Path.home())) / "e2i-eval" / "Cache"
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "e2i-eval"


def secrets(environ: MutableMapping[str, str]) -> tuple[str, ...]:
    """Return the values of variables that are called like secrets, to be looked for in what is logged."""
    return tuple(
        sorted(
            value
            for name, value in environ.items()
            if name.upper().endswith(SECRET_SUFFIXES) and len(value) >= SECRET_MIN_LENGTH
        )
    )


def _from_ini(option: Option, value: object, root: Path) -> object:
    if option.is_path and value and value != TEMPORARY_STORE:
        return str(root / str(value))
    return value or None


def _refuse_unknown_choice(option: Option, value: object) -> None:
    from e2i_eval.errors import UsageError  # noqa: PLC0415  keeps the idle plugin's import short

    if value is not None and option.choices and value not in option.choices:
        what = f"{option.flag}={value} is not known"
        raise UsageError(what, fix=f"use one of {', '.join(option.choices)}")
