"""The families file: what is checked of each target besides its golden cases.

Its keys are described in ``docs/reference/families.md``.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from e2i_eval.core.errors import UsageError
from e2i_eval.core.source_lines import line_of, toml_lines
from e2i_eval.core.suggestion import did_you_mean, quoted
from e2i_eval.runner.families.declared import Declared, FamilyPlan
from e2i_eval.runner.families.family import FAMILIES, FORMER_NAMES, Family

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic import BaseModel, ValidationError

    from e2i_eval.core import source_lines
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.runner.families.family_form import CheckForm, FamiliesForm, TargetForm

__all__ = ["read_families"]

GROUPS = ("values", "metrics", "tags")
"""Rules of a check that a case file has under ``expect``."""


def read_families(path: Path, *, root: Path) -> dict[str, FamilyPlan]:
    """Return what the file says, by target.

    Args:
        path: the file.
        root: messages show ``path`` relative to it.

    Raises:
        UsageError: the file is missing, is no TOML, or has a key or a value nobody knows; all mistakes are named.
    """
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    text = _text(path, shown)
    return _Reader(shown, text).plans()


def _text(path: Path, shown: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = f"the families file cannot be read: {error}"
        raise UsageError(what, where=str(shown), fix="correct `families` in the target's configuration") from error


class _Reader:
    """Reads one file, and knows the line of everything in it."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = toml_lines(text)
        self._form = self._validated(text)

    def plans(self) -> dict[str, FamilyPlan]:
        """Return what the file says of each target."""
        plans = {name: self._plan(name, target) for name, target in self._form.targets.items()}
        problems = list(self._contradictions())
        if problems:
            raise UsageError("\n  ".join(["the families file says what cannot be checked:", *problems]))
        return plans

    def _plan(self, name: str, form: TargetForm) -> FamilyPlan:
        return FamilyPlan(
            target=name,
            checks=tuple(
                self._declared(name, family, key, check)
                for family in FAMILIES
                for key, check in form.checks(family).items()
            ),
            not_applicable=dict(form.not_applicable),
            provenance_tag=self._form.provenance_tag or "",
            provenances=tuple(self._form.provenances),
            where=self._where(("targets", name)),
        )

    def _declared(self, target: str, family: Family, name: str, form: CheckForm) -> Declared:
        place: source_lines.Path = ("targets", target, family, name)
        parts = form.parts()
        expect = parts.get("expect")
        rules = [(group, key) for group in GROUPS for key in (getattr(expect, group) if expect else ())]
        lines = {f"expect.{group}.{key}": line_of(self._lines, (*place, group, key)) for group, key in rules}
        return Declared(
            target=target,
            family=family,
            name=name,
            case=form.case,
            path=self._path,
            lines={"": line_of(self._lines, place), **lines},
            tag=self._form.provenance_tag or "" if family == "provenance" else "",
            **parts,
        )

    def _contradictions(self) -> Iterator[str]:
        for target, form in self._form.targets.items():
            reasons = {FORMER_NAMES.get(family, family) for family in form.not_applicable}
            for family in FAMILIES:
                for name, check in form.checks(family).items():
                    where = self._where(("targets", target, family, name))
                    if what := check.contradiction():
                        yield f"{where}: {target}.{family}.{name} {what}"
                if form.checks(family) and FORMER_NAMES.get(family, family) in reasons:
                    where = self._where(("targets", target, "not_applicable", family))
                    yield f"{where}: {target} has checks of the family {family!r}, and a reason why it has none"
            if form.provenance and not self._form.provenance_tag:
                where = self._where(("targets", target, "provenance"))
                yield f'{where}: which tag holds the provenance? Add provenance_tag = "..." at the top'
            for name, origin in form.provenance.items():
                if origin.must not in self._form.provenances:
                    where = self._where(("targets", target, "provenance", name))
                    yield f"{where}: must = {origin.must!r} is not one of {quoted(self._form.provenances)}"

    def _where(self, place: source_lines.Path) -> str:
        return f"{self._path}:{line_of(self._lines, place)}"

    def _validated(self, text: str) -> FamiliesForm:
        from pydantic import ValidationError  # noqa: PLC0415  the form defers pydantic

        from e2i_eval.runner.families.family_form import FamiliesForm  # noqa: PLC0415  pydantic models, 50 ms

        try:
            return FamiliesForm.model_validate(self._document(text))
        except ValidationError as error:
            what = "\n  ".join(["the families file is wrong:", *self._mistakes(error, FamiliesForm)])
            raise UsageError(what) from None

    def _document(self, text: str) -> JsonObject:
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"line (\d+)", str(error))
            what = f"this is no TOML: {error}"
            raise UsageError(what, where=f"{self._path}:{line.group(1) if line else 1}") from error

    def _mistakes(self, error: ValidationError, form: type[BaseModel]) -> Iterator[str]:
        for each in error.errors(include_url=False):
            keys = tuple(key for key in each["loc"] if not (isinstance(key, str) and key.startswith("<")))
            name = ".".join(map(str, keys))
            if each["type"] != "extra_forbidden":
                yield f"{self._where(keys)}: {name}: {each['msg']}"
                continue
            known = _known(form, keys[:-1])
            guess = did_you_mean(str(keys[-1]), known) or f"; known here: {quoted(known)}"
            yield f"{self._where(keys)}: unknown key {name!r}{guess}"


def _known(form: type[BaseModel], keys: source_lines.Path) -> list[str]:
    """Return the keys that a table of the file may have."""
    definitions: dict[str, Any] = form.model_json_schema()
    schema = definitions
    for key in keys:
        named = {**schema.get("patternProperties", {}), "": schema.get("additionalProperties")}
        below = schema.get("properties", {}).get(key) or next(iter(named.values()))
        schema = _resolved(below, definitions)
    return list(_resolved(schema, definitions).get("properties", {}))


def _resolved(schema: Any, definitions: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401  any JSON Schema
    if not isinstance(schema, dict):
        return {}
    reference = schema.get("$ref", "")
    return definitions["$defs"][reference.rpartition("/")[2]] if reference else schema
