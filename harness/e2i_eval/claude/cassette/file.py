"""Cassette files: JSON that a person can review, the same bytes for the same recording."""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import TYPE_CHECKING, Any, get_args

from e2i_eval.claude.cassette.answer_of import answer_of, strings_of
from e2i_eval.claude.cassette.body import body_of, pieces_of
from e2i_eval.claude.cassette.cassette import Cassette
from e2i_eval.claude.cassette.entry import CassetteEntry
from e2i_eval.claude.cassette.lines import joined, split
from e2i_eval.core.errors import UsageError
from e2i_eval.core.exchange import ExchangeKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2i_eval.claude.cassette.scrub import Scrub
    from e2i_eval.core.json_value import JsonObject

__all__ = ["CassetteError", "cassette_path", "cassette_text", "read_cassette", "write_cassette"]

SCHEMA = 1
CONFLICT = re.compile(rb"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
RERECORD = "restore it from git, or delete it and record it again: pytest --e2i-eval --e2i-claude=record -k '{name}'"
MAX_NAME_BYTES = 150
"""Longer names are cut: file systems allow 255, and the file that is being written has a longer one."""
STATUSES = range(100, 600)
DAMAGE = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
"""What reading raises of a document that is not of the form it was written in."""


class CassetteError(UsageError):
    """A cassette cannot be read or must not be written."""


def cassette_path(folder: Path, case_id: str) -> Path:
    """Return where the cassette of a case lies; whatever the id holds, it stays in ``folder``."""
    parts = [_file_name(part) for part in case_id.split("/")]
    return folder.joinpath(*parts[:-1], f"{parts[-1]}.json")


def read_cassette(path: Path, case_id: str) -> Cassette | None:
    """Read the cassette of a case; None when there is none.

    Raises:
        CassetteError: it cannot be read, is damaged, was written by a newer version, or belongs to another case.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _error(path, case_id, f"the cassette cannot be read: {error.strerror or error}") from error
    try:
        return _cassette(_document(path, case_id, data), path, case_id)
    except DAMAGE as error:
        what = f"the cassette is damaged: {type(error).__name__}: {error}"
        raise _error(path, case_id, what) from error


def write_cassette(path: Path, cassette: Cassette, scrub: Scrub) -> bool:
    """Write a cassette at once or not at all; return whether the file changed.

    Raises:
        CassetteError: a secret would be in it, or the file cannot be written.
    """
    text = cassette_text(cassette)
    if kinds := sorted({kind for each in (text, *_texts(cassette)) for kind in scrub.left_in(each)}):
        what = f"the cassette of {cassette.case_id} was not written: there is a secret in it ({', '.join(kinds)})"
        raise CassetteError(what, where=str(path), fix="keep the secret out of the prompt and out of the answer")
    data = text.encode()
    try:
        if path.exists() and path.read_bytes() == data:
            return False
        _replace(path, data)
    except OSError as error:
        what = f"the cassette cannot be written: {error.strerror or error}"
        raise CassetteError(what, where=str(path)) from error
    return True


def _file_name(part: str) -> str:
    name = re.sub(r"[^\w.\[\]=-]+", "-", part).lstrip(".") or "-"
    if len(name.encode("utf-8", "replace")) <= MAX_NAME_BYTES:
        return name
    digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{name.encode('utf-8', 'replace')[:MAX_NAME_BYTES].decode('utf-8', 'ignore')}-{digest}"


def _replace(path: Path, data: bytes) -> None:
    """Put ``data`` in the place of the file in one step: whoever dies or reads meanwhile has the old or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_bytes(data)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _document(path: Path, case_id: str, data: bytes) -> Any:  # noqa: ANN401  whatever the file holds
    if CONFLICT.search(data):
        raise _error(path, case_id, "the cassette has conflict markers of git in it")
    try:
        return json.loads(data.decode())
    except UnicodeDecodeError as error:
        raise _error(path, case_id, "the cassette is no text") from error
    except json.JSONDecodeError as error:
        what = f"the cassette is no JSON: {error.msg}"
        where = f"{path}:{error.lineno}"
        raise _error(where, case_id, what) from error


def _cassette(document: Any, path: Path, case_id: str) -> Cassette:  # noqa: ANN401  whatever the file holds
    if not isinstance(document, dict):
        message = "its content is no object"
        raise TypeError(message)
    schema = document.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        what = f"the cassette has schema {schema}, and this version knows up to {SCHEMA}"
        raise CassetteError(what, where=str(path), fix="upgrade: pip install --upgrade e2i-eval")
    if schema != SCHEMA:
        message = f"schema is {schema!r} instead of {SCHEMA}"
        raise ValueError(message)
    if document["case"] != case_id:
        raise _error(path, case_id, f"the cassette belongs to case {document['case']!r}")
    entries = tuple(map(entry_from_json, document["entries"]))
    return Cassette(case_id=case_id, recorded=str(document["recorded"]), entries=entries)


def entry_to_json(entry: CassetteEntry) -> JsonObject:
    """Return an entry as plain JSON; what has its usual value is left out."""
    fields: dict[str, Any] = {
        "kind": entry.kind if entry.kind != "messages" else None,
        "node": entry.node,
        "attempt": entry.attempt or None,
        "request": split(entry.request),
        "status": entry.status,
        "headers": dict(entry.headers) or None,
        **body_of(entry.pieces),
        "error": list(entry.error) if entry.error else None,
        "took_ms": entry.took_ms,
    }
    return {name: value for name, value in fields.items() if value is not None}


def entry_from_json(data: JsonObject) -> CassetteEntry:
    """Read what ``entry_to_json`` wrote.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is something else.
    """
    request = joined(data["request"])
    if not isinstance(request, dict):
        message = "a request is no object"
        raise TypeError(message)
    error = data.get("error")
    return CassetteEntry(
        kind=_kind(data.get("kind", "messages")),
        node=None if data.get("node") is None else str(data["node"]),
        attempt=int(data.get("attempt", 0)),
        request=request,
        status=_status(data.get("status")),
        headers={_ascii(name): _ascii(value) for name, value in data.get("headers", {}).items()},
        pieces=pieces_of(data),
        error=None if error is None else (str(error[0]), str(error[1])),
        took_ms=int(data["took_ms"]),
    )


def _kind(value: Any) -> ExchangeKind:  # noqa: ANN401  whatever the file holds
    if value not in get_args(ExchangeKind):
        message = f"unknown kind {value!r}"
        raise ValueError(message)
    kind: ExchangeKind = value
    return kind


def _status(value: Any) -> int | None:  # noqa: ANN401  whatever the file holds
    if value is None:
        return None
    if int(value) not in STATUSES:
        message = f"{value!r} is no HTTP status"
        raise ValueError(message)
    return int(value)


def _ascii(value: Any) -> str:  # noqa: ANN401  whatever the file holds
    text = str(value)
    if not text.isascii() or not text.isprintable():
        message = f"{text!r} cannot be in a header"
        raise ValueError(message)
    return text


def _texts(cassette: Cassette) -> Iterator[str]:
    """Yield every text of the cassette as the caller hears it: JSON escapes and deltas may cut a secret in pieces."""
    for entry in cassette.entries:
        yield from strings_of(entry.request)
        yield from strings_of(dict(answer_of(entry) or {}))


def cassette_text(cassette: Cassette) -> str:
    """Return the file of a cassette: the same text for the same recording."""
    document = {
        "schema": SCHEMA,
        "case": cassette.case_id,
        "recorded": cassette.recorded,
        "entries": [entry_to_json(entry) for entry in cassette.entries],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair has no place in UTF-8
        return json.dumps(document, indent=1) + "\n"
    return text


def _error(where: Path | str, case_id: str, what: str) -> CassetteError:
    return CassetteError(what, where=str(where), fix=RERECORD.format(name=case_id))
