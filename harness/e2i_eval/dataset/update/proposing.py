"""From the repetitions of one case to what they would change in its file."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from e2i_eval.checks import judge
from e2i_eval.checks.expectations.golden_checks import golden_checks
from e2i_eval.core.errors import CaseFileError
from e2i_eval.dataset.made_case import make_case
from e2i_eval.dataset.update.change import Change
from e2i_eval.dataset.update.creating import agreed_expectation, creation, has_expectations, observed_expectation
from e2i_eval.dataset.update.edited import edited
from e2i_eval.dataset.update.fixing import HAND, Fixed, fixes
from e2i_eval.dataset.update.proposal import Proposal, Remark
from e2i_eval.dataset.update.trimming import trims

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from e2i_eval.checks.expectations.spending import Price
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.verdict import Verdict
    from e2i_eval.dataset.update.change import ChangeKind

__all__ = ["ObservedRepetition", "ReadFile", "propose"]

GOLDEN_CHECKS = frozenset({"completed", "output", "values", "nodes", "tools", "metrics", "params", "tags", "budget"})
"""Checks that say what the file expects; every other one judges the platform, which no golden can put right."""

SHOWN_LETTERS = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """A case file as it was read.

    Attributes:
        path: relative to the project's folder.
        digest: SHA-256 of its bytes, in hex.
        data: its data.
    """

    path: str
    digest: str
    data: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedRepetition:
    """One run of a case: its evidence and how it was judged."""

    evidence: Evidence
    verdicts: tuple[Verdict, ...]


def propose(
    runs: Sequence[ObservedRepetition],
    file: ReadFile,
    *,
    wishes: Collection[ChangeKind],
    planned: int,
    price: Price | None,
) -> Proposal | None:
    """Return what the runs of one case would change in its file; None when nothing.

    Args:
        runs: the repetitions, at least one.
        file: the case's file.
        wishes: which kinds of changes are wanted.
        planned: how many repetitions there were to be.
        price: US dollars of a usage.
    """
    case = runs[0].evidence.case
    found = tuple(_found(runs, file.data, wishes, planned, price))
    found = _without_secrets(_proven(found, runs, file.data, price), runs)
    unplayed = _unplayed(runs) if "trim" in wishes else ()
    if not found and not unplayed:
        return None
    return Proposal(
        case_id=case.id,
        file=file.path,
        digest=file.digest,
        changes=tuple(each for each in found if isinstance(each, Change)),
        remarks=tuple(Remark(where=case.where(each[0]), text=each[1]) for each in found if isinstance(each, tuple)),
        unplayed=unplayed,
    )


def _found(
    runs: Sequence[ObservedRepetition],
    data: JsonObject,
    wishes: Collection[ChangeKind],
    planned: int,
    price: Price | None,
) -> Iterator[Fixed]:
    is_new = not has_expectations(data)
    if obstacle := next(filter(None, (_obstacle(run, data) for run in runs)), ""):
        if "fix" in wishes or ("create" in wishes and is_new):
            yield "", obstacle
        return
    if "create" in wishes and is_new and (runs[0].evidence.run.error is None):
        yield creation(data, agreed_expectation([observed_expectation(run.evidence) for run in runs]))
    if "fix" in wishes:
        yield from _agreed([tuple(_fixed(run, data, price)) for run in runs], planned)
    if "trim" in wishes:
        yield from _trimmed(runs, data)


def _obstacle(run: ObservedRepetition, data: JsonObject) -> str:
    """Return why nothing may be learned from a run; empty when it may.

    What Claude was not there to answer, or the log got wrong, must not become what is expected.
    """
    for verdict in run.verdicts:
        if verdict.status in {"pass", "skip"} or _is_expectation(verdict.check, data):
            continue
        if verdict.check == "wire" and _is_left_over(run):
            continue
        if verdict.check == "wire" and (missed := _missed(run)):
            return missed
        return f"{HAND}: the check '{verdict.check}' says {verdict.status} ({_short(verdict.reason)}); fix that first"
    for verdict in run.verdicts:
        if verdict.status == "error":
            return f"{HAND}: the check '{verdict.check}' could not judge ({_short(verdict.reason)})"
    if run.evidence.run.error is not None and run.evidence.case.expect.error is None:
        return f"{HAND}: the target raised {run.evidence.run.error.type}; fix it, or write expect.error yourself"
    return ""


def _is_expectation(check: str, data: JsonObject) -> bool:
    """Tell whether a check judges what the file expects, be it of a kind that nothing here knows.

    A check is named as its key, or, when it is one of several under a key, ``judge.tone`` for one of ``judges``.
    """
    head = check.partition(".")[0]
    return check in GOLDEN_CHECKS or not {head, f"{head}s"}.isdisjoint(data.get("expect") or {})


def _is_left_over(run: ObservedRepetition) -> bool:
    return all(note.kind == "leftover" for note in run.evidence.notes)


def _missed(run: ObservedRepetition) -> str:
    """Say what Claude was asked and had no answer for, and what to write."""
    exchanges = [each for each in run.evidence.exchanges if each.error is not None and each.status is None]
    if not any(note.kind == "miss" for note in run.evidence.notes):
        return ""
    node = exchanges[0].caller.node if exchanges else None
    entry = f"- {{node: {node}, text: '...'}}" if node else "- {text: '...'}"
    case_id = run.evidence.case.id
    return (
        f"{HAND}: Claude was asked and nothing answers; add an entry such as '{entry}' under claude:, "
        f"or record it: pytest --e2i-eval --e2i-claude=record --e2i-max-cost=USD -k '{case_id}'"
    )


def _fixed(run: ObservedRepetition, data: JsonObject, price: Price | None) -> Iterator[Fixed]:
    failed = [each.check for each in run.verdicts if each.status == "fail" and _is_expectation(each.check, data)]
    yield from fixes(run.evidence, data.get("expect") or {}, list(dict.fromkeys(failed)), price)


def _agreed(found: Sequence[tuple[Fixed, ...]], planned: int) -> Iterator[Fixed]:
    """Yield what every repetition asks for; what only some do is another one next time."""
    first = found[0]
    if all(each == first for each in found):
        if first and len(found) < planned:
            yield "expect", f"{HAND}: {len(found)} of {planned} repetitions ran, so nobody knows whether they agree"
            return
        yield from first
        return
    yield "expect", f"{HAND}: the {len(found)} repetitions do not agree on what to expect"


def _unplayed(runs: Sequence[ObservedRepetition]) -> tuple[int, ...]:
    """Return the entries of the cassette that no run asked for, when nothing else is wrong with any of them."""
    if any(_obstacle(run, {}) or _is_wrong_elsewhere(run) for run in runs):
        return ()
    unused = [{at for note in run.evidence.notes for at in note.entries} for run in runs]
    return tuple(sorted(set.intersection(*unused)))


def _is_wrong_elsewhere(run: ObservedRepetition) -> bool:
    return any(each.status in {"fail", "error"} and each.check != "wire" for each in run.verdicts)


def _without_secrets(found: tuple[Fixed, ...], runs: Sequence[ObservedRepetition]) -> tuple[Fixed, ...]:
    """Return ``found``; when a secret of the environment is in it, a remark in place of all of it."""
    listed = [(each.before, each.edit.value) if isinstance(each, Change) else each for each in found]
    text = json.dumps(listed, ensure_ascii=False)
    if not any(secret in text for run in runs for secret in run.evidence.secrets):
        return found
    return (("expect", f"{HAND}: a secret of the environment is in what was observed"),)


def _trimmed(runs: Sequence[ObservedRepetition], data: JsonObject) -> Iterator[Fixed]:
    if any(_is_wrong_elsewhere(run) for run in runs):
        return
    found = [tuple(trims(run.evidence, data)) for run in runs]
    if all(each == found[0] for each in found):
        yield from found[0]


def _proven(
    found: tuple[Fixed, ...], runs: Sequence[ObservedRepetition], data: JsonObject, price: Price | None
) -> tuple[Fixed, ...]:
    """Return ``found`` when the edited case passes by the same evidence; else one remark in place of its changes."""
    changes = [each for each in found if isinstance(each, Change)]
    if all(change.kind == "trim" for change in changes):
        return found
    remarks = [each for each in found if not isinstance(each, Change)]
    for change in changes:
        data = edited(data, change.edit)
    for run in runs:
        case = run.evidence.case
        try:
            now = make_case(case.id, target=case.target, inputs=case.inputs, expect=data["expect"])
        except CaseFileError as error:
            return (*remarks, ("expect", f"{HAND}: what was observed cannot be written in a case file: {error.what}"))
        evidence = replace(run.evidence, case=now)
        wrong = [each.check for each in judge(golden_checks(now, price=price), evidence) if each.status != "pass"]
        if unsaid := [name for name in wrong if not any(key.startswith(f"expect.{name}") for key, _ in remarks)]:
            return (*remarks, ("expect", f"{HAND}: no edit of single values makes {', '.join(unsaid)} pass"))
    return found


def _short(text: str) -> str:
    line = text.partition("\n")[0]
    return line if len(line) <= SHOWN_LETTERS else f"{line[:SHOWN_LETTERS]}…"
