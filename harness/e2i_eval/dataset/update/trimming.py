"""Trimming: what of a case file no longer plays a part."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_eval.checks.compare.diff_path import diff_path, parse_diff_path
from e2i_eval.dataset.update.change import Change, Edit
from e2i_eval.dataset.update.edited import value_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_eval.checks.compare.diff_path import DataPath
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["trims"]

UNUSED = "nobody asked for it"
STALE = "it matches nothing, neither in the golden output nor in the observed one"


def trims(evidence: Evidence, document: JsonObject) -> Iterator[Change | tuple[str, str]]:
    """Yield what can go from a case file, from the last to the first, and what needs a hand.

    Args:
        evidence: of the case, which passed but for answers left over.
        document: the file's data.
    """
    yield from _ignores(evidence, document.get("expect") or {})
    yield from _script(evidence, document)


def _script(evidence: Evidence, document: JsonObject) -> Iterator[Change | tuple[str, str]]:
    lines = {note.line for note in evidence.notes if note.kind == "leftover" and note.line}
    unused = [at for at, answer in enumerate(evidence.case.script) if answer.line in lines]
    used = [exchange for exchange in evidence.exchanges if exchange.source == "script"]
    partly = [at for at in unused if evidence.case.script[at].times > 1 and used]
    for at in partly:
        yield f"claude.{at}", "needs your hand: it answers more often than Claude was asked; lower its 'times'"
    yield from _removed(("claude",), document.get("claude") or [], [at for at in unused if at not in partly], UNUSED)


def _ignores(evidence: Evidence, expect: JsonObject) -> Iterator[Change]:
    if "output" not in expect or evidence.run.error is not None:
        return
    paths = {diff_path(path) for data in (expect["output"], evidence.run.output) for path in _paths(data)}
    ignored, patterns = expect.get("ignore", []), expect.get("ignore_regex", [])
    stale = [at for at, text in enumerate(ignored) if diff_path(parse_diff_path(text)) not in paths]
    yield from _removed(("expect", "ignore"), ignored, stale, STALE)
    stale = [at for at, pattern in enumerate(patterns) if not any(re.search(pattern, path) for path in paths)]
    yield from _removed(("expect", "ignore_regex"), patterns, stale, STALE)


def _paths(data: JsonValue, path: DataPath = ()) -> Iterator[DataPath]:
    yield path
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, child in pairs:
        yield from _paths(child, (*path, key))


def _removed(path: tuple[str, ...], items: list[JsonValue], gone: Sequence[int], reason: str) -> Iterator[Change]:
    """Yield the removal of some items of a list; of all of them, that of its key."""
    if gone and len(gone) == len(items):
        yield Change(kind="trim", edit=Edit(kind="remove", path=path), before=items, reason=reason)
        return
    for at in reversed(gone):
        edit = Edit(kind="remove", path=(*path, at))
        yield Change(kind="trim", edit=edit, before=value_of(items, (at,)), reason=reason)
