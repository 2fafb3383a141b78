"""A plan: which files become what, from the proposals of all cases."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from e2i_eval.dataset.update.proposal import Remark
from e2i_eval.dataset.update.splice import SpliceError, spliced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from e2i_eval.dataset.update.change import Change, KeyPath
    from e2i_eval.dataset.update.proposal import Proposal

__all__ = ["FilePlan", "digest_of", "plan_of", "with_schema_line"]

MODELINE = "# yaml-language-server:"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlan:
    """What becomes of one file.

    Attributes:
        file: relative to the project's folder.
        digest: SHA-256 of its bytes as they were read, in hex.
        before: its bytes.
        after: its bytes afterwards; None removes it.
        case_ids: the cases that ask for it.
        changes: what is done in it; for a file that is removed, nothing.
        reason: why, for one without changes.
        remarks: what needs a hand in it.
        schema: where its JSON Schema is, for a file that gets its expectations; empty when there is none.
    """

    file: str
    digest: str
    before: bytes
    after: bytes | None
    case_ids: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    reason: str = ""
    remarks: tuple[Remark, ...] = ()
    schema: str = ""

    @property
    def is_change(self) -> bool:
        """Whether anything becomes of it."""
        return self.after != self.before

    def items(self) -> tuple[tuple[Change, ...], ...]:
        """Return what can be decided by itself: a change; or all of one list that gains items, whose places depend."""
        growing = {
            _part(change.edit.path)
            for change in self.changes
            if change.edit.kind == "insert" and isinstance(change.edit.path[-1], int)
        }
        groups: dict[object, list[Change]] = {}
        for at, change in enumerate(self.changes):
            part = _part(change.edit.path)
            groups.setdefault(part if part in growing else at, []).append(change)
        return tuple(tuple(group) for group in groups.values())

    def narrowed(self, changes: Sequence[Change]) -> FilePlan:
        """Return the plan with some of its changes.

        Raises:
            SpliceError: one of them cannot be made without another.
        """
        chosen = tuple(change for change in self.changes if change in changes)
        after = _edited(self.before, chosen, self.schema) if chosen else self.before
        return replace(self, changes=chosen, after=after)

    def diff(self) -> tuple[str, ...]:
        """Return the change as a unified diff, without line ends."""
        old, new = (_lines(data) for data in (self.before, self.after or b""))
        return tuple(difflib.unified_diff(old, new, f"a/{self.file}", f"b/{self.file}", lineterm="", n=2))


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def plan_of(proposal: Proposal, read: Callable[[str], bytes | None], *, schema: str = "") -> FilePlan:
    """Return what becomes of the file of one proposal; what cannot be made is a remark.

    Args:
        proposal: of one case; a case file holds one.
        read: gives the bytes of a file now; None when it is gone.
        schema: where the JSON Schema of case files is, as seen from the file, for files that get their expectations;
            empty when there is none.
    """
    data = read(proposal.file)
    nothing = FilePlan(
        file=proposal.file,
        digest=proposal.digest,
        before=data or b"",
        after=data or b"",
        case_ids=(proposal.case_id,),
        remarks=proposal.remarks,
        schema=schema,
    )
    if not proposal.changes:
        return nothing
    if data is None or digest_of(data) != proposal.digest:
        gone = "the file changed while the cases ran, so it is not written: run again"
        return replace(nothing, remarks=(*proposal.remarks, Remark(where=f"{proposal.file}:1", text=gone)))
    try:
        after = _edited(data, proposal.changes, schema)
    except (SpliceError, UnicodeDecodeError) as error:
        refused = Remark(where=f"{proposal.file}:1", text=f"needs your hand: {error}")
        return replace(nothing, remarks=(*proposal.remarks, refused))
    return replace(nothing, after=after, changes=proposal.changes)


def _edited(data: bytes, changes: Sequence[Change], schema: str) -> bytes:
    mark = "\ufeff"
    text = data.decode("utf-8")
    head, body = (mark, text[1:]) if text.startswith(mark) else ("", text)
    for change in changes:
        body = spliced(body, change.edit)
    if schema and any(change.kind == "create" for change in changes):
        body = with_schema_line(body, schema)
    return (head + body).encode()


def with_schema_line(text: str, schema: str) -> str:
    """Return a case file whose first line points editors to its JSON Schema; one that says so already stays."""
    comments = _leading_comments(text.splitlines())
    if any(line.startswith(MODELINE) for line in comments):
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    return f"{MODELINE} $schema={schema}{newline}{text}"


def _part(path: KeyPath) -> KeyPath:
    """Return the expectation that a place belongs to, as ``("expect", "tools")``."""
    return path[: min(2, len(path) - 1)]


def _leading_comments(lines: Iterable[str]) -> list[str]:
    found = []
    for line in lines:
        if line.strip() and not line.startswith("#"):
            break
        found.append(line)
    return found


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").splitlines()
