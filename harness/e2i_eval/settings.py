"""What a session was asked to do, as one frozen value."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from e2i_eval.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["ClaudeMode", "Settings", "TargetSettings", "read_settings"]

ClaudeMode = Literal["mock", "live"]

TEMPORARY_STORE = "temp"
EXAMPLE_TARGET = '[tool.e2i_eval.targets.support]\nentry = "shop.agents:build_support"'


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings:
    """One target of ``[tool.e2i_eval.targets]``.

    Attributes:
        name: the table's name; the folder of its cases is called the same.
        entry: ``module:attribute`` that gives the graph or the callable.
        logging: ``module:attribute`` called once before the target is built; None when it logs by itself.
        flush: ``module:attribute`` called before evidence is read; None when nothing needs it.
        contract: contract file with what this target must log besides the default; None for the default alone.
        where: ``file:line`` of the table.
    """

    name: str
    entry: str
    where: str
    logging: str | None = None
    flush: str | None = None
    contract: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a session was asked to do.

    Attributes:
        root: the project's folder.
        golden: folder with ``cases/``.
        targets: by name, in the order of the file.
        claude: who answers for Claude.
        only: names of the targets to evaluate; empty means all.
        store: folder of the MLflow store; None for one that is thrown away.
        tracking_uri: a server of the team's; None starts a temporary one.
        report: folder of ``report.json``.
        cache: the user's cache folder of this product.
        tests: files or folders with evaluations written in Python, relative to ``root``.
        prices: file with prices that replace the built-in ones; None uses those alone.
    """

    root: Path
    golden: Path
    targets: Mapping[str, TargetSettings]
    claude: ClaudeMode
    only: tuple[str, ...]
    store: Path | None
    tracking_uri: str | None
    report: Path
    cache: Path
    tests: tuple[Path, ...]
    prices: Path | None

    @property
    def cases(self) -> Path:
        """The folder with one sub-folder of case files a target."""
        return self.golden / "cases"

    def is_chosen(self, target: str) -> bool:
        """Tell whether ``target`` is to be evaluated."""
        return not self.only or target in self.only


class _TargetTable(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    entry: str
    logging: str | None = None
    flush: str | None = None
    contract: str | None = None


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    golden: str = "golden"
    tests: list[str] = ["evals"]
    claude: Literal["mock", "live"] = "mock"
    store: str = ".e2i/mlflow"
    report: str = ".e2i"
    prices: str | None = None
    targets: dict[str, _TargetTable] = {}


def read_settings(root: Path, chosen: Mapping[str, object], *, cache: Path, invocation: Path) -> Settings:
    """Read ``[tool.e2i_eval]`` of ``root/pyproject.toml`` and lay the command line's choices over it.

    Args:
        root: the project's folder.
        chosen: command line and ini values by option name; None where nothing was said.
        cache: the user's cache folder of this product.
        invocation: folder that relative paths of the command line start from.

    Raises:
        UsageError: the file is missing, is no TOML, or says something this version does not know.
    """
    file = root / "pyproject.toml"
    text = _text(file)
    table = _table(file, text)
    if not table.targets:
        what = f"{file.name} has no target to evaluate"
        raise UsageError(what, where=str(file), fix=f"add one, e.g.\n{EXAMPLE_TARGET}")
    targets = {name: _target(root, file, text, name, each) for name, each in table.targets.items()}
    store = chosen.get("store")
    report = chosen.get("report")
    return Settings(
        root=root,
        golden=root / table.golden,
        targets=targets,
        claude=cast("ClaudeMode", chosen.get("claude") or table.claude),
        only=_only(chosen.get("target"), tuple(targets)),
        store=_store(invocation, str(store)) if store else _store(root, table.store),
        tracking_uri=_uri(chosen.get("tracking_uri")),
        report=invocation / str(report) if report else root / table.report,
        cache=cache,
        tests=tuple(root / each for each in table.tests if (root / each).exists()),
        prices=root / table.prices if table.prices else None,
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        what = "there is no pyproject.toml here, so there is no target to evaluate"
        raise UsageError(what, where=str(file.parent), fix=f"create it with\n{EXAMPLE_TARGET}") from None
    except (OSError, UnicodeDecodeError) as error:
        what = f"the file cannot be read: {error}"
        raise UsageError(what, where=str(file)) from error


def _table(file: Path, text: str) -> _Table:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what = f"the file is no valid TOML: {error}"
        raise UsageError(what, where=str(file), fix="mend the line it names") from error
    try:
        return _Table.model_validate(document.get("tool", {}).get("e2i_eval", {}))
    except ValidationError as error:
        problems = "\n".join(_problem(text, each["loc"], each["msg"], each["type"]) for each in error.errors())
        what = f"[tool.e2i_eval] is wrong:\n{problems}"
        raise UsageError(what, where=str(file)) from error


def _problem(text: str, location: tuple[int | str, ...], message: str, kind: str) -> str:
    key = str(location[-1])
    where = f"  line {_line(text, key)}: " + ".".join(map(str, location))
    if kind != "extra_forbidden":
        return f"{where}: {message}"
    known = _TargetTable.model_fields if location[0] == "targets" else _Table.model_fields
    near = difflib.get_close_matches(key, known, n=1)
    return f"{where}: unknown key" + (f", did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}")


def _line(text: str, word: str) -> int:
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if word in line and not line.startswith("#")), 1)


def _target(root: Path, file: Path, text: str, name: str, table: _TargetTable) -> TargetSettings:
    where = f"{file.name}:{_line(text, f'tool.e2i_eval.targets.{name}')}"
    for key in ("entry", "logging", "flush"):
        value = getattr(table, key)
        if value is not None and not all(part.strip() for part in f"{value}:".split(":")[:2]):
            what = f"{key} = {value!r} of target {name!r} is not of the form 'module:attribute'"
            raise UsageError(what, where=where, fix=f'write for example {key} = "shop.agents:build_support"')
    contract = root / table.contract if table.contract else None
    if contract is not None and not contract.is_file():
        what = f"the contract file of target {name!r} does not exist: {table.contract}"
        raise UsageError(what, where=where, fix="create it, or remove the key 'contract'")
    return TargetSettings(
        name=name, entry=table.entry, where=where, logging=table.logging, flush=table.flush, contract=contract
    )


def _only(chosen: object, known: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(map(str, chosen)) if isinstance(chosen, (list, tuple)) else (str(chosen),) if chosen else ()
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            what = f"--e2i-target={name}: there is no such target"
            fix = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}"
            raise UsageError(what, fix=fix)
    return names


def _store(base: Path, value: str) -> Path | None:
    return None if value == TEMPORARY_STORE else base / value


def _uri(value: object) -> str | None:
    if value is None:
        return None
    if not str(value).startswith(("http://", "https://")):
        what = f"--e2i-tracking-uri={value} is not the address of a server"
        raise UsageError(what, fix="write for example --e2i-tracking-uri=http://127.0.0.1:5000")
    return str(value).rstrip("/")
