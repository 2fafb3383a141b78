"""The harvester: reads stored traces twice, once to choose and once to write, and keeps none of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from e2i_eval.core.errors import UsageError
from e2i_eval.dataset.harvest.candidate import Candidate, Unfit, candidate_of
from e2i_eval.dataset.harvest.kind import kind_of
from e2i_eval.dataset.harvest.origin import without_password
from e2i_eval.dataset.harvest.personal import secret_kinds
from e2i_eval.dataset.harvest.sampling import SampledTrace, sampled, unique

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from e2i_eval.checks.contract import Contract
    from e2i_eval.core.trace import Trace
    from e2i_eval.dataset.harvest.folder import GoldenFolder, Written

__all__ = ["Harvest", "Harvester", "TraceSource", "target_of"]


class TraceSource(Protocol):
    """Where traces are stored."""

    @property
    def place(self) -> str:
        """Address of the server, or folder of the store."""

    def found(self, query: str, experiments: Collection[str], limit: int) -> Iterator[Trace]:
        """Yield traces by MLflow's search language, newest first, a page at a time."""

    def named(self, trace_ids: Iterable[str]) -> Iterator[Trace]:
        """Yield the traces of these ids; those that do not exist are left out."""


@dataclass(slots=True, kw_only=True)
class Harvest:
    """What became of the traces that were read.

    Attributes:
        read: how many.
        known: how many are a case or a candidate already.
        duplicates: how many have the inputs and the behaviour of another one.
        kinds: how many kinds of behaviour the others show.
        left_out: how many the sample did without.
        unfit: why no case could be made, with how many there are and one of them.
        refused: traces that still held a secret after scrubbing, with its kinds.
        written: the candidates.
    """

    read: int = 0
    known: int = 0
    duplicates: int = 0
    kinds: int = 0
    left_out: int = 0
    unfit: dict[str, tuple[int, str]] = field(default_factory=dict)
    refused: dict[str, tuple[str, ...]] = field(default_factory=dict)
    written: list[Written] = field(default_factory=list)

    def set_aside(self, trace_id: str, why: str) -> None:
        """Count a trace no case can be made of."""
        count, example = self.unfit.get(why, (0, trace_id))
        self.unfit[why] = (count + 1, example)


class Harvester:
    """Makes candidates of stored traces.

    Args:
        source: where they are stored.
        targets: names of the configured targets.
        contract: returns the contract of a target.
        secrets: values that must be in no candidate.
    """

    def __init__(
        self,
        source: TraceSource,
        *,
        targets: Collection[str],
        contract: Callable[[str], Contract],
        secrets: tuple[str, ...] = (),
    ) -> None:
        self._source = source
        self._targets = targets
        self._contract = contract
        self._secrets = secrets

    def gather(  # noqa: PLR0913  the six words of the command line
        self,
        folder: GoldenFolder,
        *,
        query: str,
        experiments: Collection[str],
        limit: int,
        sample: int | None = None,
        seed: int = 0,
        only: str | None = None,
        known: Collection[str] = (),
    ) -> Harvest:
        """Write candidates of the newest traces that ``query`` finds; what is written stays when it is interrupted.

        Args:
            folder: where candidates go.
            query: in MLflow's search language; empty finds all.
            experiments: ids of those to search.
            limit: how many traces to read.
            sample: how many candidates to write; None writes all that differ.
            seed: of the choice.
            only: the target; None finds each trace's own by its name.
            known: ids of traces that were harvested before.
        """
        harvest = Harvest()
        rows = list(self._rows(harvest, self._source.found(query, experiments, limit), only))
        held = {row.digest for row in rows if row.trace_id in known}
        harvest.known = sum(row.trace_id in known for row in rows)
        rows = [row for row in rows if row.trace_id not in known]
        different = unique(row for row in rows if row.digest not in held)
        chosen = sampled(different, sample, seed)
        harvest.duplicates = len(rows) - len(different)
        harvest.kinds = len({row.kind for row in different})
        harvest.left_out = len(different) - len(chosen)
        targets = {row.trace_id: row.target for row in chosen}
        for trace in self._source.named(targets):
            self._write(harvest, folder, self._candidate(trace, targets[trace.trace_id]))
        return harvest

    def candidate(self, trace_id: str, only: str | None = None) -> Candidate:
        """Return the candidate of one trace.

        Raises:
            UsageError: there is no such trace, no case can be made of it, or it still holds a secret.
        """
        trace = next(self._source.named([trace_id]), None)
        if trace is None:
            what = f"there is no trace {trace_id}"
            raise UsageError(
                what,
                where=without_password(self._source.place),
                fix="take the id from the trace's page in the MLflow UI",
            )
        target = target_of(trace, self._targets, only)
        if target is None:
            what = f"trace {trace_id} does not name its target"
            raise UsageError(what, fix=f"add --target, one of {', '.join(sorted(self._targets))}")
        found = self._candidate(trace, target)
        if isinstance(found, Unfit):
            what = f"no case can be made of trace {trace_id}: {found.why}"
            raise UsageError(what)
        if kinds := self._secret_kinds(found):
            what = f"trace {trace_id} still holds a secret after scrubbing ({', '.join(kinds)})"
            raise UsageError(what, fix="fix the logging, and write this case by hand")
        return found

    def _rows(self, harvest: Harvest, traces: Iterable[Trace], only: str | None) -> Iterator[SampledTrace]:
        for trace in traces:
            harvest.read += 1
            target = target_of(trace, self._targets, only)
            if target is None:
                harvest.set_aside(trace.trace_id, "it is of no configured target; --target=NAME says of which")
                continue
            found = self._candidate(trace, target)
            if isinstance(found, Unfit):
                harvest.set_aside(trace.trace_id, found.why)
            elif kinds := self._secret_kinds(found):
                harvest.refused[trace.trace_id] = kinds
            else:
                yield SampledTrace(
                    trace_id=trace.trace_id,
                    target=target,
                    digest=found.digest,
                    kind=kind_of(found),
                    has_cassette=found.has_cassette,
                )

    def _candidate(self, trace: Trace, target: str) -> Candidate | Unfit:
        contract = self._contract(target)
        return candidate_of(
            trace, target=target, contract=contract, tracking_uri=self._source.place, secrets=self._secrets
        )

    def _secret_kinds(self, candidate: Candidate) -> tuple[str, ...]:
        return secret_kinds(candidate.searched, self._secrets, self._contract(candidate.target).secrets.patterns)

    def _write(self, harvest: Harvest, folder: GoldenFolder, found: Candidate | Unfit) -> None:
        if isinstance(found, Unfit):  # it was whole a moment ago
            harvest.set_aside(found.trace_id, found.why)
            return
        try:
            harvest.written.append(folder.write(found, secrets=self._secrets))
        except UsageError as error:
            harvest.set_aside(found.origin.trace, error.what)


def target_of(trace: Trace, targets: Collection[str], only: str | None) -> str | None:
    """Return the target a trace is of: the one that it is named after, else ``only``; None when it is of none.

    A trace named after another target than ``only`` is that one's.
    """
    root = trace.root
    names = (trace.tags.get("mlflow.traceName"), root.name if root else None, *trace.tags.values())
    named = next((name for name in names if name in targets), None)
    if only is None:
        return named
    return only if named in {only, None} else None
