"""One target of a project, as its table and the defaults describe it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from e2i_eval.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from e2i_eval.runner.config.table import ConfigFile, TargetTable

__all__ = ["TargetSettings", "read_target"]

ENTRIES = ("entry", "logging", "flush", "plain", "graph")
"""Keys that name something in the project's code; an empty one takes a default away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings:
    """One target of ``[tool.e2i_eval.targets]``.

    Attributes:
        name: the table's name; the folder of its cases is called the same.
        entry: ``module:attribute`` that gives the graph or the callable.
        logging: ``module:attribute`` called once before the target is built; None when it logs by itself.
        flush: ``module:attribute`` called before evidence is read; None when nothing needs it.
        contract: contract file with what this target must log besides the default; None for the default alone.
        judges: file with the judges that the target's cases share; None when they share none.
        families: file that declares the target's check families; None when it has none.
        plain: ``module:attribute`` that gives the same target without logging, to measure what logging costs; None when
            there is no such thing.
        graph: ``module:attribute`` of the compiled graph that the entry calls, or of a function that makes one; None
            when the entry itself is it, or there is none.
        checks: ``module:attribute`` of the checks that judge every case of the target beside the built-in ones.
        gate: rules of the gate for this target alone, as written.
        where: ``file:line`` of the table.
        places: ``file:line`` of each key, in this table or in that of the defaults.
    """

    name: str
    entry: str
    where: str
    logging: str | None = None
    flush: str | None = None
    contract: Path | None = None
    families: Path | None = None
    judges: Path | None = None
    plain: str | None = None
    graph: str | None = None
    checks: tuple[str, ...] = ()
    gate: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)

    def place(self, key: str) -> str:
        """Return ``file:line`` of a key; of the table where the key is not written."""
        return self.places.get(key, self.where)


def read_target(root: Path, written: ConfigFile, name: str, table: TargetTable) -> TargetSettings:
    """Return a target of ``written``.

    Args:
        root: the project's folder.
        written: the project's configuration.
        name: the target's.
        table: its keys, with the defaults for what it does not say itself.

    Raises:
        UsageError: a value has the wrong form, or names a file that does not exist.
    """
    where, places = written.where("targets", name), written.places(name)
    for key in ENTRIES:
        _refuse_formless(name, key, getattr(table, key), places.get(key, where))
    return TargetSettings(
        name=name,
        entry=table.entry or "",
        where=where,
        logging=table.logging or None,
        flush=table.flush or None,
        plain=table.plain or None,
        graph=table.graph or None,
        contract=_file(root, name, "contract", table.contract, places),
        families=_file(root, name, "families", table.families, places),
        judges=_file(root, name, "judges", table.judges, places),
        checks=tuple(table.checks),
        gate=tuple(table.gate),
        places=places,
    )


def _refuse_formless(target: str, key: str, value: str | None, where: str) -> None:
    is_taken_away = value == "" and key != "entry"
    if value is not None and not is_taken_away and not all(part.strip() for part in f"{value}:".split(":")[:2]):
        what = f"{key} = {value!r} of target {target!r} is not of the form 'module:attribute'"
        raise UsageError(what, where=where, fix=f'write for example {key} = "shop.agents:build_support"')


def _file(root: Path, target: str, key: str, value: str | None, places: Mapping[str, str]) -> Path | None:
    if not value:
        return None
    if not (root / value).is_file():
        what = f"the {key} file of target {target!r} does not exist: {value}"
        raise UsageError(what, where=places[key], fix=f"create it, or remove the key {key!r}")
    return root / value
