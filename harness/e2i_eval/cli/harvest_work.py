"""The work of ``e2i-eval harvest``: gather candidates, make failing cases of single traces, accept candidates."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2i_eval.checks.contract import load_contract
from e2i_eval.core.errors import UsageError
from e2i_eval.dataset.case_file.yaml_document import parse_yaml
from e2i_eval.dataset.harvest import GoldenFolder, Harvester, accept
from e2i_eval.runner.config.options import cache_folder, ci_variable, environment, parse_settings, secrets
from e2i_eval.runner.config.settings import CANDIDATES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from e2i_eval.checks.contract import Contract
    from e2i_eval.dataset.harvest import Harvest, Written
    from e2i_eval.runner.config.settings import Settings
    from e2i_eval.tracking import StoredTraces

__all__ = ["harvest"]

ACCEPT = "accept"
DONE, NOTHING = 0, 5
"""Exit codes; 5 as pytest's when there was nothing to collect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Project:
    """The project in the current folder, its goldens, and where its candidates go."""

    settings: Settings
    goldens: GoldenFolder
    candidates: GoldenFolder

    @classmethod
    def here(cls, arguments: argparse.Namespace) -> _Project:
        settings = parse_settings(Path.cwd(), lambda _: None, lambda _: None)
        folder = arguments.out or settings.golden / CANDIDATES
        return cls(
            settings=settings,
            goldens=GoldenFolder(root=settings.golden),
            candidates=GoldenFolder(root=folder.absolute()),
        )


def harvest(arguments: argparse.Namespace) -> int:
    """Do what the words say.

    Raises:
        UsageError: they contradict each other, or name what is not there.
    """
    project = _Project.here(arguments)
    _refuse_in_ci()
    word, *names = arguments.words or [""]
    _refuse_contradictions(arguments, word, names)
    if word == ACCEPT:
        return _accept(project, names)
    if arguments.target is not None and arguments.target not in project.settings.targets:
        what = f"--target={arguments.target}: there is no such target"
        raise UsageError(what, fix=f"use one of {', '.join(project.settings.targets)}")
    with _stored(arguments, project.settings) as traces:
        harvester = _harvester(traces, project.settings)
        if word:
            return _failing(arguments, project, harvester)
        return _gather(arguments, project, harvester, traces)


def _gather(arguments: argparse.Namespace, project: _Project, harvester: Harvester, traces: StoredTraces) -> int:
    found = harvester.gather(
        project.candidates,
        query=arguments.filter,
        experiments=traces.experiments(arguments.experiment),
        limit=arguments.limit,
        sample=arguments.sample,
        seed=arguments.seed,
        only=arguments.target,
        known=project.candidates.traces() | project.goldens.traces(),
    )
    _say(*_summary(found, project))
    return DONE if found.written else NOTHING


def _failing(arguments: argparse.Namespace, project: _Project, harvester: Harvester) -> int:
    """Write a case for each trace that shows a mistake, straight into the goldens; it fails until that is fixed."""
    wanted = _wanted(arguments.expect)
    for trace_id in arguments.words:
        candidate = harvester.candidate(trace_id, arguments.target)
        if (there := project.goldens.cases / candidate.target / f"{candidate.name}.yaml").exists():
            what = f"trace {trace_id} is a case already"
            raise UsageError(what, where=_shown(there), fix=f"run it: pytest --e2i-eval -k '{candidate.name}'")
        case = project.goldens.write(candidate, wanted=wanted, secrets=secrets(environment()))
        _say(f"wrote {_shown(case.file)}{'' if case.cassette is None else f' and {_shown(case.cassette)}'}")
        if not wanted and not candidate.error:
            _say(f"  say what the right answer is: {_shown(case.file)}:{_line_of(case.file, 'expect.wrong_output')}")
        _say(*(f"  not in the trace: {note}" for note in candidate.missing))
        _say(f"  run it: pytest --e2i-eval -k '{candidate.name}'")
    return DONE


def _accept(project: _Project, names: list[str]) -> int:
    moved = accept(names, candidates=project.candidates, goldens=project.goldens)
    _say(*(f"accepted {each.case_id}: {_shown(each.file)}" for each in moved))
    _say(f"{_cases(len(moved), 'golden')} more; commit them with their cassettes, and run: pytest --e2i-eval")
    return DONE


def _summary(found: Harvest, project: _Project) -> Iterator[str]:
    yield f"read {found.read} traces: {found.kinds} kinds of behaviour"
    counts = {
        "harvested before": found.known,
        "like another one": found.duplicates,
        "not in the sample": found.left_out,
    }
    yield from (f"  {count} {what}" for what, count in counts.items() if count)
    yield from (f"  {count} no case: {why} (e.g. {one})" for why, (count, one) in sorted(found.unfit.items()))
    for trace_id, kinds in found.refused.items():
        yield f"  refused {trace_id}: after scrubbing it still holds a secret ({', '.join(kinds)})"
    yield from _written(found.written, project)


def _written(written: list[Written], project: _Project) -> Iterator[str]:
    played = sum(each.cassette is not None for each in written)
    yield f"wrote {_cases(len(written), 'candidate')} to {_shown(project.candidates.cases)}, {played} with a cassette"
    if written:
        yield "look at them, run them, and accept those that are right:"
        yield "  pytest --e2i-eval --e2i-candidates"
        yield f"  e2i-eval harvest accept {written[0].case_id}"


def _refuse_in_ci() -> None:
    if variable := ci_variable(environment()):
        what = f"goldens are read-only in CI ({variable} is set): a person reviews candidates, and commits them"
        raise UsageError(what, fix=f"run this on your own machine, or unset {variable}")


def _refuse_contradictions(arguments: argparse.Namespace, word: str, names: list[str]) -> None:
    if word == ACCEPT and bool(names) == arguments.all:
        what = "'accept' takes names of candidates, or --all"
        raise UsageError(what, fix="e2i-eval harvest accept <target>/<name>")
    if word != ACCEPT and arguments.all:
        what = "--all is for 'accept'"
        raise UsageError(what, fix="e2i-eval harvest accept --all")
    if arguments.expect and (not word or word == ACCEPT or names):
        what = "--expect says what is right in the case of one trace"
        raise UsageError(what, fix="e2i-eval harvest TRACE_ID --expect 'answer=...'")
    for flag, value in (("--limit", arguments.limit), ("--sample", arguments.sample)):
        if value is not None and value < 1:
            what = f"{flag}={value} is no number of traces"
            raise UsageError(what, fix=f"give at least {flag}=1")


def _wanted(given: list[str]) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    for each in given:
        path, sign, value = each.partition("=")
        if not path.strip() or not sign:
            what = f"--expect {each!r} names no value of the output"
            raise UsageError(what, fix="write path=value, e.g. --expect 'answer=On Monday.'")
        wanted[path.strip()] = _value(value)
    return wanted


def _value(text: str) -> Any:  # noqa: ANN401  JSON of any form
    try:
        return json.loads(text)
    except ValueError:
        return text


@contextmanager
def _stored(arguments: argparse.Namespace, settings: Settings) -> Iterator[StoredTraces]:
    from e2i_eval.tracking import stored_traces  # noqa: PLC0415  a command that only moves files needs no server

    place = arguments.tracking_uri or (arguments.store or settings.store)
    if place is None or (isinstance(place, Path) and not place.is_dir()):
        what = "there is no store with traces here"
        raise UsageError(what, where=str(place or ""), fix="name a server with --tracking-uri=URI, or --store=PATH")
    with stored_traces(place, cache=cache_folder(environment()), environ=environment()) as traces:
        yield traces


def _harvester(traces: StoredTraces, settings: Settings) -> Harvester:
    @cache
    def contract(target: str) -> Contract:
        return load_contract(settings.targets[target].contract, target, root=settings.root)

    return Harvester(traces, targets=tuple(settings.targets), contract=contract, secrets=secrets(environment()))


def _line_of(file: Path, key: str) -> int:
    return parse_yaml(file.read_text(encoding="utf-8")).lines.get(key, 1)


def _cases(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _say(*lines: str) -> None:
    for line in lines:
        print(line)  # noqa: T201  a command prints
