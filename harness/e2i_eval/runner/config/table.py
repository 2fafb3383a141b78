"""The table ``[tool.e2i_eval]`` of a project's ``pyproject.toml``, as it is written."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from e2i_eval.core.errors import UsageError
from e2i_eval.core.source_lines import line_of, toml_lines
from e2i_eval.core.suggestion import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path as FilePath

    from e2i_eval.core.source_lines import Path

__all__ = ["JUDGE_MODEL", "ClaudeMode", "ConfigFile", "InconclusiveMeans", "Table", "TargetTable", "read_table"]

ClaudeMode = Literal["mock", "replay", "record", "live"]
InconclusiveMeans = Literal["pass", "fail"]

JUDGE_MODEL = "claude-sonnet-5-5"
ROOT = ("tool", "e2i_eval")
EXAMPLE_TARGET = '[tool.e2i_eval.targets.support]\nentry = "shop.agents:build_support"'


class TargetTable(BaseModel):
    """The keys of a target, and of ``defaults``, which all targets share."""

    model_config = ConfigDict(extra="forbid", strict=True)

    entry: str | None = None
    logging: str | None = None
    flush: str | None = None
    contract: str | None = None
    repeat: Annotated[int, Field(ge=1)] | None = None
    reduce: str | None = None
    families: str | None = None
    judges: str | None = None
    plain: str | None = None
    graph: str | None = None
    checks: list[str] = []
    gate: list[str] = []


class Table(BaseModel):
    """The keys of ``[tool.e2i_eval]``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    golden: str = "golden"
    tests: list[str] = ["evals"]
    claude: ClaudeMode = "mock"
    claude_endpoint: bool = False
    store: str = ".e2i/mlflow"
    report: str = ".e2i"
    prices: str | None = None
    judge_model: Annotated[str, Field(min_length=1)] = JUDGE_MODEL
    repeat: Annotated[int, Field(ge=1)] = 1
    gate: list[str] = []
    baseline: str | None = None
    inconclusive: InconclusiveMeans | None = None
    defaults: TargetTable = TargetTable()
    targets: dict[str, TargetTable] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """What was read.

    Attributes:
        file: the project's ``pyproject.toml``.
        table: its table.
        lines: the line of each key.
    """

    file: FilePath
    table: Table
    lines: dict[Path, int]

    def where(self, *keys: str) -> str:
        """Return ``file:line`` of a key below ``[tool.e2i_eval]``, or of its nearest known parent."""
        return f"{self.file.name}:{line_of(self.lines, (*ROOT, *keys))}"

    def targets(self) -> dict[str, TargetTable]:
        """Return the targets with the defaults for what they do not say themselves."""
        shared = self.table.defaults.model_dump(exclude_unset=True)
        return {
            name: TargetTable(**{**shared, **own.model_dump(exclude_unset=True)})
            for name, own in self.table.targets.items()
        }

    def places(self, target: str) -> dict[str, str]:
        """Return ``file:line`` of each key of a target: in its own table, or in that of the defaults."""
        own = self.table.targets[target].model_fields_set
        shared = self.table.defaults.model_fields_set - own
        return {
            **{key: self.where("targets", target, key) for key in sorted(own)},
            **{key: self.where("defaults", key) for key in sorted(shared)},
        }


def read_table(file: FilePath) -> ConfigFile:
    """Read ``[tool.e2i_eval]``.

    Raises:
        UsageError: the file is missing, is no TOML, names no target, or says something this version does not know.
    """
    text = _text(file)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what = f"the file is no valid TOML: {error}"
        raise UsageError(what, where=str(file), fix="correct the line it names") from error
    lines = toml_lines(text)
    try:
        table = Table.model_validate(document.get("tool", {}).get("e2i_eval", {}))
    except ValidationError as error:
        problems = (_problem(lines, each["loc"], each["msg"], each["type"]) for each in error.errors())
        raise _wrong(file, problems) from error
    if not table.targets:
        what = f"{file.name} has no target to evaluate"
        raise UsageError(what, where=str(file), fix=f"add one, e.g.\n{EXAMPLE_TARGET}")
    read = ConfigFile(file=file, table=table, lines=lines)
    if without := [("targets", name, "entry") for name, target in read.targets().items() if target.entry is None]:
        raise _wrong(file, (_problem(lines, location, "Field required", "missing") for location in without))
    return read


def _text(file: FilePath) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        what = "there is no pyproject.toml here, so there is no target to evaluate"
        raise UsageError(what, where=str(file.parent), fix=f"create it with\n{EXAMPLE_TARGET}") from None
    except (OSError, UnicodeDecodeError) as error:
        what = f"the file cannot be read: {error}"
        raise UsageError(what, where=str(file)) from error


def _wrong(file: FilePath, problems: Iterator[str]) -> UsageError:
    what = "[tool.e2i_eval] is wrong:\n" + "\n".join(problems)
    return UsageError(what, where=str(file))


def _problem(lines: dict[Path, int], location: Path, message: str, kind: str) -> str:
    where = f"  line {line_of(lines, (*ROOT, *location))}: " + ".".join(map(str, location))
    if kind != "extra_forbidden":
        return f"{where}: {message}"
    known = (TargetTable if location[0] in {"targets", "defaults"} and location[1:] else Table).model_fields
    guess = did_you_mean(str(location[-1]), known) or f"; known: {', '.join(known)}"
    return f"{where}: unknown key{guess}"
