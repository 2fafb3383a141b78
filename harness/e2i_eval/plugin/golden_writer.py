"""What becomes of the golden files at the end of a session: shown, asked about, written."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from e2i_eval.claude import UsageLog
from e2i_eval.claude.cassette import CassetteError, cassette_path
from e2i_eval.claude.cassette.trimmed import orphans, trimmed
from e2i_eval.core.errors import UsageError
from e2i_eval.core.json_codec import from_json
from e2i_eval.core.selection import Selection
from e2i_eval.dataset.case_file.files import case_files, case_id_of
from e2i_eval.dataset.update.journal import JOURNAL, apply, recover
from e2i_eval.dataset.update.plan import FilePlan, digest_of, plan_of
from e2i_eval.dataset.update.proposal import Remark
from e2i_eval.dataset.update.review import Reviewed, review
from e2i_eval.gate.baseline.storage import MAIN, baseline_file
from e2i_eval.plugin.terminal_question import asked, released_terminal
from e2i_eval.report.golden_lines import change_lines, changes, files, remark_lines, would_change

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pytest

    from e2i_eval.dataset.update.proposal import Proposal
    from e2i_eval.plugin.state import SessionState
    from e2i_eval.runner.config.settings import GoldenMode, Settings

__all__ = ["GoldenWriter", "recovered"]

LOCK_TIMEOUT_S = 10.0
ABORTED = {2: "the session was interrupted", 3: "pytest itself failed"}
"""Exit codes after which nobody knows what the cases would have said."""

SCHEMA_FILES = ("{golden}/case.schema.json", "docs/reference/case.schema.json")
"""Where a project keeps the JSON Schema of its case files."""


def recovered(settings: Settings) -> str:
    """Finish or take back what an earlier session left half written; return a sentence on it, empty for nothing.

    Raises:
        UsageError: it cannot be.
    """
    if not (settings.golden / JOURNAL).exists():
        return ""
    with _lock(settings):
        recovery = recover(settings.root, settings.golden)
    return recovery.sentence if recovery else ""


class GoldenWriter:
    """Concludes a session for the golden files.

    Attributes:
        lines: what is to be said of it.
    """

    def __init__(self, config: pytest.Config, state: SessionState, mode: GoldenMode) -> None:
        self._config = config
        self._state = state
        self._settings = state.settings
        self._mode = mode
        self.lines: list[str] = []

    def conclude(self, proposals: Sequence[Proposal], *, exitstatus: int) -> bool:
        """Do what the mode says with what was proposed; return whether it could be done.

        Args:
            proposals: of the cases.
            exitstatus: pytest's.
        """
        if exitstatus in ABORTED:
            self.lines = [f"golden: nothing was looked at or written: {ABORTED[exitstatus]}"]
            return True
        quarantined = self._state.controller.quarantined if self._state.controller else {}
        held = [each.case_id for each in proposals if each.case_id in quarantined]
        plans, withheld = self._plans([each for each in proposals if each.case_id not in quarantined])
        remarks = [remark for plan in plans for remark in plan.remarks]
        plans = sorted((plan for plan in plans if plan.is_change), key=lambda plan: plan.file)
        is_done = True
        if self._mode == "report":
            self.lines = [*would_change(plans), *(line for plan in plans for line in change_lines(plan))]
        else:
            is_done = self._write(plans, remarks)
        self.lines += [f"golden: {each} is quarantined and not touched" for each in held]
        self.lines += withheld
        if remarks:
            self.lines += ["golden: left to you", *remark_lines(remarks)]
        return is_done

    def _plans(self, proposals: Sequence[Proposal]) -> tuple[list[FilePlan], list[str]]:
        """Return what becomes of each file, and what is said of removals that a part of a run may not make."""
        gaps = tuple(self._gaps())
        is_trimming = self._mode in {"report", "trim", "review"}
        wanted = [_without_removals(each) for each in proposals] if gaps else list(proposals)
        plans = [plan_of(each, self._bytes, schema=self._schema(each.file)) for each in wanted]
        if not is_trimming:
            return plans, []
        if gaps:
            count = sum(len(each.unplayed) + _removals(each) for each in proposals)
            reasons = "; ".join(gaps)
            return plans, [f"golden: nothing is removed after a part of a run ({reasons}); seen so far: {count}"]
        plans += [plan for each in proposals if each.unplayed for plan in self._unplayed(each)]
        return [*plans, *self._orphans()], list(self._unlooked())

    def _gaps(self) -> Iterator[str]:
        """Yield why this is not a whole run; nothing for one."""
        report = self._state.report
        if report is None or not report.session.get("selection"):
            yield "the session did not come to its end"
            return
        yield from from_json(Selection, report.session["selection"]).gaps()
        yield from report.problems

    def _unplayed(self, proposal: Proposal) -> Iterator[FilePlan]:
        """Yield the cassette of a case without the entries that nobody asked for."""
        folder = self._settings.cassettes
        path = cassette_path(folder, proposal.case_id)
        try:
            before, after = path.read_bytes(), trimmed(folder, proposal.case_id, proposal.unplayed)
        except (OSError, CassetteError) as error:
            remark = Remark(where=self._shown(path), text=f"needs your hand: {error}")
            yield FilePlan(file=self._shown(path), digest="", before=b"", after=b"", remarks=(remark,))
            return
        count = len(proposal.unplayed)
        yield FilePlan(
            file=self._shown(path),
            digest=digest_of(before),
            before=before,
            after=after,
            case_ids=(proposal.case_id,),
            reason=f"{count} recorded answer{'s were' if count > 1 else ' was'} not asked for",
        )

    def _orphans(self) -> Iterator[FilePlan]:
        """Yield the removal of cassettes without a case; known for certain only when all cases asked for theirs."""
        if self._settings.claude != "replay":
            return
        for path in self._cassettes_without_case():
            before = path.read_bytes()
            file = self._shown(path)
            yield FilePlan(file=file, digest=digest_of(before), before=before, after=None, reason="no case asks for it")

    def _unlooked(self) -> Iterator[str]:
        if self._settings.claude != "replay" and (found := self._cassettes_without_case()):
            names = ", ".join(self._shown(path) for path in found[:3])
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""  # noqa: PLR2004  as many as are shown
            yield (
                f"golden: no case file belongs to {names}{more}; whether a case asks for it is seen in replay: "
                "pytest --e2i-eval --e2i-claude=replay --e2i-golden=trim"
            )

    def _cassettes_without_case(self) -> tuple[Path, ...]:
        settings, report, controller = self._settings, self._state.report, self._state.controller
        scratch = Path(str(controller.reference()["scratch"])) if controller else Path()
        from_files = (case_id_of(file, settings.cases) for file in case_files(settings.cases))
        from_results = (case.case_id for case in (report.cases if report else ()))
        asked_for = (line.case_id for line in UsageLog(scratch).lines())
        return orphans(settings.cassettes, {*from_files, *from_results, *asked_for})

    def _write(self, plans: Sequence[FilePlan], remarks: list[Remark]) -> bool:
        chosen = list(plans)
        if self._mode == "review":
            reviewed = self._reviewed(plans)
            chosen = [plan for plan in reviewed.plans if plan.is_change]
            remarks += [each for plan in reviewed.plans for each in plan.remarks if each not in remarks]
            said = f"accepted {reviewed.accepted}, refused {reviewed.refused}, not asked for {reviewed.unseen}"
            self.lines.append(f"golden: {said}")
        try:
            with _lock(self._settings):
                moved = apply(self._settings.root, self._settings.golden, chosen)
        except UsageError as error:
            self.lines.append(f"golden: {error}")
            return False
        written = [plan for plan in chosen if plan.file not in moved]
        self.lines += self._told(written)
        for file in moved:
            text = "the file changed while the cases ran, so it is not written: run again"
            remarks.append(Remark(where=f"{file}:1", text=text))
        return not moved

    def _told(self, written: Sequence[FilePlan]) -> Iterator[str]:
        if not written:
            yield f"golden: --e2i-golden={self._mode} changed nothing"
            return
        count = sum(max(1, len(plan.changes)) for plan in written)
        yield f"golden: wrote {files(len(written))} ({changes(count)}); look at them: git diff"
        if self._mode != "review":
            yield from (line for plan in written for line in change_lines(plan))
        yield "golden: see them pass: pytest --e2i-eval"
        if self._settings.baseline != "none" and baseline_file(self._settings.golden, MAIN).exists():
            yield 'golden: the baseline still has the old behaviour: e2i-eval baseline accept latest --reason "..."'

    def _reviewed(self, plans: Sequence[FilePlan]) -> Reviewed:
        def show(plan: FilePlan, place: str) -> None:
            print(f"\n[{place}]", *change_lines(plan), sep="\n")  # noqa: T201  a conversation

        with released_terminal(self._config):
            return review(plans, show, asked)

    def _schema(self, file: str) -> str:
        """Return where the project's JSON Schema is as seen from a case file; empty when it has none."""
        root = self._settings.root
        golden = self._settings.golden.relative_to(root) if self._settings.golden.is_relative_to(root) else Path()
        places = (root / place.format(golden=golden) for place in SCHEMA_FILES)
        found = next((place for place in places if place.is_file()), None)
        return Path(os.path.relpath(found, (root / file).parent)).as_posix() if found else ""

    def _bytes(self, file: str) -> bytes | None:
        try:
            return (self._settings.root / file).read_bytes()
        except OSError:
            return None

    def _shown(self, path: Path) -> str:
        root = self._settings.root
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _without_removals(proposal: Proposal) -> Proposal:
    return replace(proposal, changes=tuple(each for each in proposal.changes if each.kind != "trim"))


def _removals(proposal: Proposal) -> int:
    return sum(each.kind == "trim" for each in proposal.changes)


@contextlib.contextmanager
def _lock(settings: Settings) -> Iterator[None]:
    """Keep other sessions of this project from writing golden files meanwhile.

    Raises:
        UsageError: another one is at it.
    """
    settings.cache.mkdir(parents=True, exist_ok=True)
    name = f"golden-{digest_of(str(settings.golden).encode())[:16]}.lock"
    try:
        with FileLock(settings.cache / name, LOCK_TIMEOUT_S):
            yield
    except Timeout as error:
        what = "another session is writing the golden files"
        raise UsageError(what, fix="wait until it has ended, and run again") from error
