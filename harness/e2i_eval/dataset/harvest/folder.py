"""The folder of candidates: where harvested cases wait for a person, and how they become goldens.

It has the layout of the golden folder itself, ``cases/`` and ``cassettes/``, so that candidates run as cases do.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.claude.cassette import Cassette, Scrub, cassette_path, write_cassette
from e2i_eval.core.errors import UsageError
from e2i_eval.dataset.case_file.files import case_files, case_id_of
from e2i_eval.dataset.harvest.document import case_document, case_text, flaw
from e2i_eval.dataset.harvest.recorded_answers import entries_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.dataset.harvest.candidate import Candidate

__all__ = ["GoldenFolder", "Written", "accept"]

ORIGIN = re.compile(r"^origin:\s*(?:\{|\n\s+).*?\btrace: ['\"]?([\w-]+)", re.MULTILINE)
DATE_CHARS = len("2026-11-23")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A case that was written.

    Attributes:
        case_id: its id.
        file: its case file.
        cassette: its cassette; None when it has none.
    """

    case_id: str
    file: Path
    cassette: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenFolder:
    """A folder with ``cases/`` and ``cassettes/``.

    Attributes:
        root: the folder.
    """

    root: Path

    @property
    def cases(self) -> Path:
        """The folder with one sub-folder of case files a target."""
        return self.root / "cases"

    @property
    def cassettes(self) -> Path:
        """The folder with one sub-folder of cassettes a target."""
        return self.root / "cassettes"

    def files(self) -> Iterator[Path]:
        """Yield the case files, sorted."""
        yield from case_files(self.cases)

    def case_id(self, file: Path) -> str:
        """Return the id of the case in ``file``."""
        return case_id_of(file, self.cases)

    def traces(self) -> set[str]:
        """Return the ids of the traces that cases here were made of."""
        texts = (file.read_text(encoding="utf-8", errors="replace") for file in self.files())
        return {found[1] for text in texts if (found := ORIGIN.search(text))}

    def write(
        self, candidate: Candidate, *, wanted: Mapping[str, JsonValue] | None = None, secrets: Iterable[str] = ()
    ) -> Written:
        """Write a candidate: its cassette, if any, and then its case file, each in one step.

        Raises:
            UsageError: it makes no case, a secret would be written, or the folder cannot be written.
        """
        document = case_document(candidate, wanted=wanted)
        text = case_text(candidate, document)
        if why := flaw(document, text):
            raise UsageError(why, where=candidate.origin.trace)
        file = self.cases / candidate.target / f"{candidate.name}.yaml"
        if file.exists():
            what = f"there is another case {candidate.case_id} already"
            raise UsageError(what, where=str(file), fix="rename it, and harvest this trace again")
        cassette = cassette_path(self.cassettes, candidate.case_id) if candidate.has_cassette else None
        if cassette is not None:
            write_cassette(cassette, _cassette(candidate), Scrub(secrets))
        _replace(file, text)
        return Written(case_id=candidate.case_id, file=file, cassette=cassette)


def accept(names: Iterable[str], *, candidates: GoldenFolder, goldens: GoldenFolder) -> tuple[Written, ...]:
    """Move candidates to the goldens, all of them or none.

    Args:
        names: case ids, or files; none at all means every candidate.
        candidates: where they are.
        goldens: where they go.

    Raises:
        UsageError: there is no such candidate, or a golden of that id.
    """
    known = {candidates.case_id(file): file for file in candidates.files()}
    chosen = [_known(name, known) for name in names] or list(known)
    if not chosen:
        what = "there is no candidate"
        raise UsageError(what, where=str(candidates.cases), fix="make some: e2i-eval harvest --tracking-uri=URI")
    for case_id in chosen:
        if (taken := goldens.cases / known[case_id].relative_to(candidates.cases)).exists():
            what = f"there is a golden {case_id} already"
            raise UsageError(what, where=str(taken), fix="rename or remove one of them")
    return tuple(_moved(case_id, known[case_id], candidates, goldens) for case_id in dict.fromkeys(chosen))


def _known(name: str, known: Mapping[str, Path]) -> str:
    found = [case_id for case_id, file in known.items() if name in {case_id, file.name, str(file)}]
    found = found or [case_id for case_id, file in known.items() if str(file).endswith(name) or name in case_id]
    if len(found) == 1:
        return found[0]
    what = f"there is no candidate {name!r}" if not found else f"{name!r} may be {', '.join(found[:5])}"
    raise UsageError(what, fix="name it by its id, <target>/<name>")


def _moved(case_id: str, file: Path, candidates: GoldenFolder, goldens: GoldenFolder) -> Written:
    """Move the cassette first: a case without its cassette would be the worse half."""
    cassette = cassette_path(candidates.cassettes, case_id)
    target = cassette_path(goldens.cassettes, case_id) if cassette.exists() else None
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        cassette.replace(target)
    golden = goldens.cases / file.relative_to(candidates.cases)
    golden.parent.mkdir(parents=True, exist_ok=True)
    file.replace(golden)
    return Written(case_id=case_id, file=golden, cassette=target)


def _cassette(candidate: Candidate) -> Cassette:
    entries = entries_of(candidate.calls, candidate.case_id)
    return Cassette(case_id=candidate.case_id, recorded=candidate.origin.at[:DATE_CHARS], entries=entries)


def _replace(file: Path, text: str) -> None:
    new = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text, encoding="utf-8")
        new.replace(file)
    except OSError as error:
        what = f"the case file cannot be written: {error.strerror or error}"
        raise UsageError(what, where=str(file)) from error
    finally:
        new.unlink(missing_ok=True)
