"""The files of a baseline: ``golden/baselines/<name>.json`` and ``<name>.prompts.json`` beside it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.core.errors import UsageError
from e2i_eval.core.suggestion import suggested
from e2i_eval.gate.baseline.encoding import SCHEMA, baseline_from, baseline_texts, digest, sections_from

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonObject, JsonValue
    from e2i_eval.gate.baseline.accepted import Baseline

__all__ = ["MAIN", "baseline_file", "is_name", "read_baseline", "write_baseline"]

MAIN = "main"
FOLDER = "baselines"
SUFFIX = ".json"
PROMPTS_SUFFIX = ".prompts.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
CONFLICT = re.compile(r"^(<<<<<<<|>>>>>>>)( |$)")
ACCEPT = 'e2i-eval baseline accept latest --reason "..."'


def is_name(text: str) -> bool:
    """Tell whether ``text`` can be a baseline's name: letters, digits, dots, dashes and underscores."""
    return NAME.fullmatch(text) is not None and not text.endswith((SUFFIX, ".prompts"))


def baseline_file(golden: Path, baseline: str) -> Path:
    """Return where a baseline is, given its name or the path of its file.

    Args:
        golden: folder with ``baselines/``.
        baseline: a name, or a path: it ends in ``.json`` or contains a separator.
    """
    is_path = baseline.endswith(SUFFIX) or "/" in baseline or os.sep in baseline
    return Path(baseline) if is_path else golden / FOLDER / f"{baseline}{SUFFIX}"


def read_baseline(golden: Path, baseline: str) -> Baseline:
    """Read a baseline by name or path.

    Args:
        golden: folder with ``baselines/``.
        baseline: its name, or the path of its file.

    Raises:
        UsageError: it is missing, damaged, edited by hand, of a newer version, or in the middle of a merge.
    """
    file = baseline_file(golden, baseline)
    if not file.is_file():
        raise _missing(file, baseline)
    document = _document(file)
    locked = {key: value for key, value in document.items() if key != "digest"}
    if document.get("digest") != digest(locked):
        what = "the baseline was changed by hand: its content does not agree with its digest"
        raise UsageError(
            what, where=str(file), fix=f"undo the change (git checkout -- {file}), or accept a run: {ACCEPT}"
        )
    beside = _prompts_file(file)
    try:
        prompts = _document(beside)
        if digest(prompts.get("sections")) != document.get("prompts"):
            what = f"the prompts are not those of {file.name}"
            raise UsageError(
                what, where=str(beside), fix=f"bring both files from one commit, or accept a run: {ACCEPT}"
            )
        return baseline_from(document, sections_from(prompts))
    except FileNotFoundError:
        what = f"{file.name} needs the prompts in {beside.name}, which is missing"
        fix = f"bring it back (git checkout -- {beside}), or accept a run: {ACCEPT}"
        raise UsageError(what, where=str(file), fix=fix) from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"the baseline is damaged: {type(error).__name__} {error}"
        raise UsageError(what, where=str(file), fix=f"accept a run: {ACCEPT}") from error


def write_baseline(golden: Path, baseline: Baseline) -> Path:
    """Write a baseline's files, each in one step, the prompts first; return the main one.

    Raises:
        UsageError: they cannot be written.
    """
    file = baseline_file(golden, baseline.name)
    main, prompts = baseline_texts(baseline)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _replace(_prompts_file(file), prompts)
        _replace(file, main)
    except OSError as error:
        what = f"the baseline cannot be written: {error.strerror or error}"
        raise UsageError(what, where=str(file)) from error
    return file


def _prompts_file(file: Path) -> Path:
    return file.with_name(file.name.removesuffix(SUFFIX) + PROMPTS_SUFFIX)


def _replace(file: Path, text: str) -> None:
    new = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        new.write_bytes(text.encode("utf-8", "backslashreplace"))  # half a surrogate pair becomes its JSON escape
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def _missing(file: Path, baseline: str) -> UsageError:
    known = sorted(each.stem for each in file.parent.glob(f"*{SUFFIX}") if not each.name.endswith(PROMPTS_SUFFIX))
    otherwise = f"use one of {', '.join(known)}" if known else f"accept a first run: {ACCEPT}"
    fix = suggested(baseline, known, otherwise=otherwise)
    return UsageError(f"there is no baseline {baseline!r}", where=str(file), fix=fix)


def _document(file: Path) -> JsonObject:
    """Read a JSON object that states a schema this version knows.

    Raises:
        FileNotFoundError: there is no such file.
        UsageError: it is something else.
    """
    text = _text(file)
    for number, line in enumerate(text.splitlines(), 1):
        if CONFLICT.match(line):
            what = "the file is in the middle of a merge: it has conflict markers"
            fix = f"take one side (git checkout --ours -- {file}), run pytest --e2i-eval, then {ACCEPT}"
            raise UsageError(what, where=f"{file}:{number}", fix=fix)
    try:
        document: JsonValue = json.loads(text)
    except json.JSONDecodeError as error:
        what = f"the file is no JSON: {error.msg}"
        raise UsageError(
            what, where=f"{file}:{error.lineno}", fix=f"bring it back with git, or accept a run: {ACCEPT}"
        ) from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        what = f"the file has schema {schema}, this version of e2i-eval knows schema {SCHEMA}"
        raise UsageError(what, where=str(file), fix="upgrade e2i-eval, or accept a run with this version")
    if schema != SCHEMA:
        what = f"the file is no baseline: its schema is {schema!r}, not {SCHEMA}"
        raise UsageError(what, where=str(file), fix=f"name another file, or accept a run: {ACCEPT}")
    return dict(document)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        what = f"the file cannot be read: {error}"
        raise UsageError(what, where=str(file), fix=f"bring it back with git, or accept a run: {ACCEPT}") from error
