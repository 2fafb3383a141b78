"""An arrangement: things that happened, some of them at the same time, in the order that fits what was expected.

What runs at the same time starts in an order that differs from run to run, so that order proves nothing and must not
make a case fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.core.json_value import JsonValue

__all__ = ["AtOnce", "Happening", "InTurn", "Part", "arranged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened; ``detail`` is carried along."""

    name: str
    detail: JsonValue = None


@dataclass(frozen=True, slots=True)
class InTurn:
    """Parts that followed one another."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class AtOnce:
    """Parts that happened at the same time, in order of start."""

    parts: tuple[Part, ...]


Part: TypeAlias = Happening | InTurn | AtOnce


def arranged(part: Part, names: Sequence[str]) -> tuple[Happening, ...]:
    """Return all that happened in ``part``; what happened at once comes in the order that fits ``names`` best."""
    if isinstance(part, Happening):
        return (part,)
    if isinstance(part, InTurn):
        return _in_turn(part.parts, names)
    return _at_once(part.parts, names)


def _in_turn(parts: Sequence[Part], names: Sequence[str]) -> tuple[Happening, ...]:
    happened: tuple[Happening, ...] = ()
    for part in parts:
        these = arranged(part, names)
        names = _after(these, names)
        happened += these
    return happened


def _at_once(parts: Sequence[Part], names: Sequence[str]) -> tuple[Happening, ...]:
    happened: tuple[Happening, ...] = ()
    waiting = list(parts)
    while waiting:
        options = [arranged(part, names) for part in waiting]
        best = max(range(len(options)), key=lambda at: _fit(options[at], names))
        happened += options[best]
        names = _after(options[best], names)
        del waiting[best]
    return happened


def _fit(happened: tuple[Happening, ...], names: Sequence[str]) -> tuple[bool, int, int]:
    """Rank an option: all of it is what comes next; more of it is; its first name comes sooner."""
    agreeing = 0
    for happening, name in zip(happened, names, strict=False):
        if happening.name != name:
            break
        agreeing += 1
    first = happened[0].name if happened else ""
    sooner = -names.index(first) if first in names else -len(names) - 1
    return agreeing == len(happened), agreeing, sooner


def _after(happened: tuple[Happening, ...], names: Sequence[str]) -> Sequence[str]:
    """Return what remains of ``names`` after those that happened."""
    for happening in happened:
        if happening.name in names:
            names = names[names.index(happening.name) + 1 :]
    return names
