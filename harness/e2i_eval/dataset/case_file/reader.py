"""The reader of case files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from e2i_eval.core.suggestion import did_you_mean, quoted
from e2i_eval.dataset.case_file.case_form import SCHEMA_VERSION, CaseForm
from e2i_eval.dataset.case_file.consistency import contradictions
from e2i_eval.dataset.case_file.files import CASE_SUFFIXES
from e2i_eval.dataset.case_file.mistake import keys_to, mistake
from e2i_eval.dataset.case_file.problem import Problem, case_file_error
from e2i_eval.dataset.case_file.yaml_document import YamlDocument, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from e2i_eval.core.case import Case
    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["read_case"]

CASES_FOLDER = "cases"


def read_case(path: Path, *, root: Path, known_targets: Collection[str]) -> Case:
    """Read one case file.

    Args:
        path: the file, ``.../cases/<target>/<name>.yaml``; folders below the target become part of the name.
        root: messages and ``Case.path`` show ``path`` relative to it.
        known_targets: names of the configured targets.

    Returns:
        the case, with the id ``<target>/<name>``.

    Raises:
        CaseFileError: the file is wrong; all its mistakes are listed, each with its line.
    """
    place = _Place.of(path, root)
    problems = list(place.problems(known_targets))
    text = _text(path, problems)
    document = parse_yaml(text) if text is not None else None
    form = _form(document, problems) if document else None
    if form is None or document is None or problems:
        raise case_file_error(str(place.shown), problems)
    return form.case(target=place.target, name=place.name, path=place.shown, lines=document.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a case file lies; empty names when it lies in no target's folder."""

    path: Path
    shown: Path
    target: str
    name: str

    @classmethod
    def of(cls, path: Path, root: Path) -> _Place:
        shown = path.relative_to(root) if path.is_relative_to(root) else path
        parts = shown.parts if CASES_FOLDER in shown.parts[:-1] else path.absolute().parts
        at = parts.index(CASES_FOLDER) + 1 if CASES_FOLDER in parts else len(parts)
        target, *rest = (*parts[at:-1], path.stem)
        return cls(path=path, shown=shown, target=target if rest else "", name="/".join(rest))

    def problems(self, known_targets: Collection[str]) -> Iterator[Problem]:
        if self.path.suffix not in CASE_SUFFIXES:
            yield Problem(line=1, what=f"a case file ends in .yaml or .yml, not '{self.path.suffix}'", fix="rename it")
        twin = self.path.with_suffix(".yaml")
        if self.path.suffix == ".yml" and twin.exists():
            yield Problem(line=1, what=f"{twin.name} beside it has the same case id", fix="rename one of them")
        if not self.target:
            fix = f"move it to {CASES_FOLDER}/<target>/{self.path.name}"
            yield Problem(line=1, what=f"the file is in no target's folder under {CASES_FOLDER}/", fix=fix)
        elif self.target not in known_targets:
            what = f"unknown target '{self.target}'{did_you_mean(self.target, known_targets)}"
            fix = f"known targets: {quoted(sorted(known_targets))}; add [tool.e2i_eval.targets.{self.target}]"
            yield Problem(line=1, what=what, fix=fix)


def _text(path: Path, problems: list[Problem]) -> str | None:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        problems.append(Problem(line=1, what=f"the file cannot be read: {error.strerror or error}"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{error.object[error.start]:02x} is not valid UTF-8"
        problems.append(Problem(line=line, what=what, fix="save the file as UTF-8"))
    return None


def _form(document: YamlDocument, problems: list[Problem]) -> CaseForm | None:
    """Validate what was read; add what is wrong to ``problems``."""
    problems += document.problems
    data = document.data
    if not isinstance(data, dict):
        if not document.problems:
            what = f"a case is a mapping of keys, not {'a list' if isinstance(data, list) else 'a single value'}"
            problems.append(Problem(line=1, what=what, fix="begin with 'schema: 1' and 'inputs:'"))
        return None
    foreign = _foreign_version(data, document)
    if foreign:
        problems.append(foreign)
        return None
    problems += _inconsistent(data, document)
    try:
        return CaseForm.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems += (mistake(each, document.lines) for each in found if not _is_unread(keys_to(each), document))
        return None


def _is_unread(keys: tuple[str, ...], document: YamlDocument) -> bool:
    """Tell whether the value, or one around it, is a problem already because it could not be read."""
    return any(".".join(keys[:end]) in document.unread for end in range(1, len(keys) + 1))


def _foreign_version(data: JsonObject, document: YamlDocument) -> Problem | None:
    """Return what is wrong with the version; the rest of a file of another version cannot be judged."""
    version: JsonValue = data.get("schema", SCHEMA_VERSION)
    line = document.lines.get("schema", 1)
    if type(version) is not int:
        return Problem(
            line=line, what=f"schema must be the whole number 1, not {json.dumps(version)}", fix="write 'schema: 1'"
        )
    if version > SCHEMA_VERSION:
        what = f"schema {version} is newer than schema {SCHEMA_VERSION}, which this version of e2i-eval reads"
        return Problem(line=line, what=what, fix="update e2i-eval, or rewrite the file with 'schema: 1'")
    if version < SCHEMA_VERSION:
        return Problem(line=line, what=f"there is no schema {version}; the first is 1", fix="write 'schema: 1'")
    return None


def _inconsistent(data: JsonObject, document: YamlDocument) -> Iterator[Problem]:
    for path, what, fix in contradictions(data):
        key = path
        while key not in document.lines and "." in key:
            key = key.rpartition(".")[0]
        yield Problem(line=document.lines.get(key, 1), what=what, fix=fix)
