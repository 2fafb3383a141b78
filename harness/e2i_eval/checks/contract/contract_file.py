"""Reading a contract file; its keys are described in ``docs/reference/contract.md``.

A file has a common part and one part a target (``targets.<name>``); a target's part adds to the common one, and
replaces in it what it names again.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping  # noqa: TC003  pydantic resolves annotations at run time
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import yaml
from pydantic import TypeAdapter, ValidationError

from e2i_eval.checks.contract.contract import (
    FORBID,
    CallRules,
    Contract,
    Demand,
    DemandSection,
    RagRules,
    SecretRules,
    SpanDemand,
    TraceRules,
)
from e2i_eval.checks.contract.scope import TEMPLATE
from e2i_eval.core.errors import UsageError
from e2i_eval.core.source_lines import Path, line_of, toml_lines, yaml_lines
from e2i_eval.core.suggestion import suggested

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from e2i_eval.core.json_value import JsonValue

__all__ = ["load_contract"]

NAMED_DEMANDS = ("tags", "metadata", "params", "metrics", "artifacts")
SPAN_DEMANDS = ("inputs", "outputs", "attributes")
ROOTS: Mapping[str, tuple[str, ...]] = {
    "inputs": (),
    "output": (),
    "case": ("id", "target"),
    "run": ("status", "duration_ms"),
    "wire": (
        "calls",
        "requests",
        "model",
        "max_tokens",
        "input_tokens",
        "output_tokens",
        "total_tokens",
        "cost_usd",
        "longest_ms",
    ),
}
"""What templates and conditions may speak of; no second part is fixed where the tuple is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """The keys of the common part and of each target's part."""

    __pydantic_config__: ClassVar[Any] = FORBID
    calls: dict[str, Any] = field(default_factory=dict)
    trace: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)
    rag: dict[str, Any] | None = None
    tags: Mapping[str, Demand] = field(default_factory=dict)
    metadata: Mapping[str, Demand] = field(default_factory=dict)
    params: Mapping[str, Demand] = field(default_factory=dict)
    metrics: Mapping[str, Demand] = field(default_factory=dict)
    artifacts: Mapping[str, Demand] = field(default_factory=dict)
    spans: tuple[SpanDemand, ...] = ()
    only_when: tuple[DemandSection, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _File(_Body):
    """The keys of a whole file."""

    schema: Literal[1] = 1
    targets: Mapping[str, _Body] = field(default_factory=dict)


OWNERS: Mapping[str, type] = {
    "calls": CallRules,
    "trace": TraceRules,
    "secrets": SecretRules,
    "rag": RagRules,
    "spans": SpanDemand,
    "only_when": DemandSection,
}
"""What the value of a key is made of."""


def load_contract(path: pathlib.Path | None, target: str, *, root: pathlib.Path | None = None) -> Contract:
    """Return the contract of ``target``: the defaults with the additions of the file at ``path``; None adds nothing.

    Args:
        path: the contract file.
        target: whose section of it counts besides what counts for all.
        root: messages show ``path`` relative to it; None shows it as it is.

    Raises:
        UsageError: the file is missing, is no TOML or YAML, or has a key or value nobody knows.
    """
    if path is None:
        return Contract()
    shown = path.relative_to(root) if root and path.is_relative_to(root) else path
    raw, lines = _parsed(path, shown)
    reader = _Reader(path=shown, lines=lines)
    file = reader.read(raw)
    own = file.targets.get(target)
    return reader.merged([file] if own is None else [file, own], target)


def _parsed(path: pathlib.Path, shown: pathlib.Path) -> tuple[dict[str, JsonValue], dict[Path, int]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        what = f"the contract file cannot be read: {error.strerror}"
        raise UsageError(what, where=str(shown), fix="correct `contract` in the target's configuration") from error
    is_yaml = path.suffix in {".yaml", ".yml"}
    try:
        raw = yaml.safe_load(text) if is_yaml else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        line = re.search(r"line (\d+)", str(error))
        what = f"this is no {'YAML' if is_yaml else 'TOML'}: {' '.join(str(error).split())}"
        raise UsageError(what, where=f"{shown}:{line.group(1) if line else 1}") from error
    if not isinstance(raw or {}, dict):
        what = f"a contract is a table of keys, not a {type(raw).__name__}"
        raise UsageError(what, where=f"{shown}:1")
    return raw or {}, yaml_lines(text) if is_yaml else toml_lines(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Reads one file, and knows where everything in it is."""

    path: pathlib.Path
    lines: dict[Path, int]

    def read(self, raw: dict[str, JsonValue]) -> _File:
        """Return the file's content, validated."""
        targets = raw.get("targets")
        located = self._located(raw, ())
        if isinstance(targets, dict):
            located["targets"] = {
                name: self._located(body, ("targets", name)) if isinstance(body, dict) else body
                for name, body in targets.items()
            }
        file: _File = self._validated(_adapter(_File), located, ())
        return file

    def merged(self, bodies: list[_Body], target: str) -> Contract:
        """Return one contract; in a section a later body replaces what it names again."""
        prefixes: list[Path] = [(), ("targets", target)]
        calls: dict[str, Any] = {}
        trace: dict[str, Any] = {}
        patterns: dict[str, Any] = {}
        rag: dict[str, Any] | None = None
        for body, prefix in zip(bodies, prefixes, strict=False):
            calls |= self._checked(CallRules, body.calls, (*prefix, "calls"))
            trace |= self._checked(TraceRules, body.trace, (*prefix, "trace"))
            secrets = self._checked(SecretRules, body.secrets, (*prefix, "secrets"))
            patterns |= secrets.get("patterns", {})
            if body.rag is not None:
                own = self._checked(RagRules, body.rag, (*prefix, "rag"))
                rag = {**(rag or {}), **own, "where": self.where((*prefix, "rag"))}
        return Contract(
            calls=_adapter(CallRules).validate_python(calls),
            trace=_adapter(TraceRules).validate_python(trace),
            secrets=SecretRules(patterns=patterns),
            rag=None if rag is None else _adapter(RagRules).validate_python(rag),
            sections=tuple(_sections(bodies)),
        )

    def where(self, path: Path) -> str:
        """Return ``file:line`` of a key."""
        return f"{self.path}:{line_of(self.lines, path)}"

    def _checked(self, owner: type, raw: dict[str, Any], path: Path) -> dict[str, Any]:
        """Return ``raw`` once it is known to fit ``owner``."""
        self._refuse_where(raw, path)
        self._check_texts(raw, path)
        self._validated(_adapter(owner), raw, path)
        return raw

    def _located(self, body: dict[str, JsonValue], path: Path) -> dict[str, JsonValue]:
        """Return a body whose demands are written out and know their place."""
        located = dict(body)
        for kind in NAMED_DEMANDS:
            if kind in body:
                located[kind] = self._demands(body[kind], (*path, kind))
        if isinstance(body.get("spans"), list):
            located["spans"] = [self._span(span, (*path, "spans", i)) for i, span in enumerate(body["spans"])]
        if isinstance(body.get("only_when"), list):
            located["only_when"] = [
                self._section(section, (*path, "only_when", i)) for i, section in enumerate(body["only_when"])
            ]
        return located

    def _section(self, section: JsonValue, path: Path) -> JsonValue:
        if not isinstance(section, dict):
            return section
        self._check_texts({"when": section.get("when", {})}, path)
        return self._located(section, path)

    def _span(self, span: JsonValue, path: Path) -> JsonValue:
        if not isinstance(span, dict):
            return span
        self._refuse_where(span, path)
        inner = {side: self._demands(span[side], (*path, side)) for side in SPAN_DEMANDS if side in span}
        self._check_texts({key: value for key, value in span.items() if key not in SPAN_DEMANDS}, path)
        return {**span, **inner, "where": self.where(path)}

    def _demands(self, demands: JsonValue, path: Path) -> JsonValue:
        """Return demands by name; a plain value asks for equality, ``true`` only that there is a value."""
        if isinstance(demands, list):
            demands = dict.fromkeys(demands, True)
        if not isinstance(demands, dict):
            return demands
        return {name: self._demand(demand, (*path, name)) for name, demand in demands.items()}

    def _demand(self, demand: JsonValue, path: Path) -> JsonValue:
        if not isinstance(demand, dict):
            demand = {} if demand is True else {"equals": demand}
        self._refuse_where(demand, path)
        self._check_texts(demand, path)
        return {**demand, "where": self.where(path)}

    def _refuse_where(self, raw: dict[str, JsonValue], path: Path) -> None:
        if "where" in raw:
            raise self._unknown((*path, "where"))

    def _check_texts(self, raw: JsonValue, path: Path) -> None:
        """Refuse regular expressions that are none, and templates of things that do not exist."""
        for key, value in _texts(raw, path):
            if {"matches", "patterns", "redacted"} & set(key):
                self._check_pattern(key, value)
            else:
                for template in TEMPLATE.findall(value):
                    self._check_root(key, template)
        for name in ("when", "reranker_when"):
            for template in raw.get(name, {}) if isinstance(raw, dict) and isinstance(raw.get(name), dict) else ():
                self._check_root((*path, name, template), template)

    def _check_pattern(self, path: Path, pattern: str) -> None:
        try:
            re.compile(pattern)
        except re.error as error:
            what = f"{pattern!r} is no regular expression: {error}"
            raise UsageError(what, where=self.where(path)) from error

    def _check_root(self, path: Path, template: str) -> None:
        root, _, rest = template.partition(".")
        known = ROOTS.get(root)
        if known is None:
            what, choices = f"nothing is called {root!r} in {{{template}}}", tuple(ROOTS)
        elif known and rest not in known:
            what, choices = f"{root} has no {rest!r}", tuple(f"{root}.{name}" for name in known)
        else:
            return
        raise UsageError(what, where=self.where(path), fix=_did_you_mean(template if known else root, choices))

    def _validated(self, adapter: TypeAdapter[Any], raw: JsonValue, path: Path) -> Any:  # noqa: ANN401  the caller knows the adapter
        try:
            return adapter.validate_python(raw)
        except ValidationError as error:
            first = error.errors()[0]
            loc = (*path, *first["loc"])
            if first["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
                raise self._unknown(loc) from error
            what = f"{'.'.join(map(str, loc))}: {first['msg']}, not {first['input']!r}"
            raise UsageError(what, where=self.where(loc)) from error

    def _unknown(self, path: Path) -> UsageError:
        key = str(path[-1])
        known = _known_keys(path[:-1])
        what = f"unknown key {key!r}" + (f" in {'.'.join(map(str, path[:-1]))}" if path[:-1] else "")
        return UsageError(what, where=self.where(path), fix=_did_you_mean(key, known))


@cache
def _adapter(owner: type) -> TypeAdapter[Any]:
    """Return pydantic's validator of ``owner``; to build one takes longer than to read a contract."""
    return TypeAdapter(owner)


def _sections(bodies: list[_Body]) -> Iterator[DemandSection]:
    for index, body in enumerate(bodies):
        later = bodies[index + 1 :]
        kept: dict[str, Any] = {
            kind: {
                name: demand
                for name, demand in getattr(body, kind).items()
                if not any(name in getattr(each, kind) for each in later)
            }
            for kind in NAMED_DEMANDS
        }
        yield replace(DemandSection(spans=body.spans), **kept)
        yield from body.only_when


def _texts(value: JsonValue, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, (*path, index))


def _known_keys(path: Path) -> tuple[str, ...]:
    """Return the keys that may stand in the table at ``path``."""
    owner: type = _File
    names = [step for step in path if isinstance(step, str)]
    while names:
        step, names = names[0], names[1:]
        if step == "targets":
            owner, names = _Body, names[1:]
        elif step in (*NAMED_DEMANDS, *SPAN_DEMANDS):
            owner, names = Demand, names[1:]
        else:
            owner = OWNERS.get(step, owner)
    return tuple(each.name for each in fields(owner) if each.name != "where")


def _did_you_mean(key: str, known: tuple[str, ...]) -> str:
    listed = f"known: {', '.join(sorted(known))}"
    guess = suggested(key, known, otherwise="")
    return f"{guess} ({listed})" if guess else listed
