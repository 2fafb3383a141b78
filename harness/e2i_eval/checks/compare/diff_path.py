"""A DeepDiff path: where in a piece of JSON data something is, as ``root['gaps'][0]['region']``."""

from __future__ import annotations

import re
from typing import TypeAlias

__all__ = ["DataPath", "diff_path", "dotted_path", "parse_diff_path"]

DataPath: TypeAlias = tuple[str | int, ...]
"""Keys and list indices from the root; empty is the root itself."""

STEP = re.compile(r"\[(?:'([^']*)'|\"([^\"]*)\"|(\d{1,9}))\]")


def parse_diff_path(text: str) -> DataPath:
    """Read a DeepDiff path.

    Raises:
        ValueError: it is none; the message says how to write one.
    """
    keys: list[str | int] = []
    rest = text.removeprefix("root")
    while (step := STEP.match(rest)) is not None:
        rest = rest[step.end() :]
        single, double, index = step.groups()
        keys.append(int(index) if index else single if single is not None else double)
    if rest or not keys or not text.startswith("root"):
        message = f"'{text}' is no DeepDiff path; write it like root['gaps'][0]['region']"
        raise ValueError(message)
    return tuple(keys)


def diff_path(path: DataPath) -> str:
    """Return ``path`` as DeepDiff writes it."""
    return "root" + "".join(f"[{_step(key)}]" for key in path)


def _step(key: str | int) -> str:
    if isinstance(key, int):
        return str(key)
    return f'"{key}"' if "'" in key else f"'{key}'"


def dotted_path(path: DataPath) -> str:
    """Return ``path`` as case files write it (``gaps.0.region``); empty for the root."""
    return ".".join(map(str, path))
