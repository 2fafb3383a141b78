"""Traces of a server that others wrote: found by a query, read page by page, never changed."""

from __future__ import annotations

from contextlib import closing, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from e2i_eval.core.errors import UsageError
from e2i_eval.tracking.connection import Connection, RefusedError
from e2i_eval.tracking.reader import Reader
from e2i_eval.tracking.served import served

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from e2i_eval.core.trace import Trace

__all__ = ["StoredTraces", "stored_traces"]

PAGE = 20
EXPERIMENTS_PAGE = 500
READ_S = 60.0
"""A page of long traces takes a busy server seconds, and no test waits for it."""


class StoredTraces:
    """The traces on one server; at most a page of them is in memory.

    Attributes:
        place: where they are, for a person and for the files made of them: the address, or the store's folder.
    """

    def __init__(self, uri: str, environ: Mapping[str, str], place: str = "") -> None:
        self.place = place or uri
        self._connection = Connection(uri, environ, read_s=READ_S)
        self._reader = Reader(self._connection)

    def experiments(self, names: Collection[str] = ()) -> tuple[str, ...]:
        """Return the ids of the experiments of these names; of all when none is named.

        Raises:
            UsageError: there is no experiment of a name.
            UnknownError: the server did not answer.
        """
        known = dict(self._experiments())
        for name in names:
            if name not in known:
                what = f"there is no experiment {name!r}"
                fix = f"it has: {', '.join(sorted(known)) or 'none'}"
                raise UsageError(what, where=self.place.rpartition("@")[2], fix=fix)
        return tuple(known[name] for name in names) or tuple(known.values())

    def found(self, query: str, experiments: Collection[str], limit: int) -> Iterator[Trace]:
        """Yield up to ``limit`` traces by MLflow's search language, newest first.

        Raises:
            UsageError: the server does not take the query.
            UnknownError: it did not answer.
        """
        infos = self._reader.trace_infos(query, experiments)
        try:
            while page := list(islice(infos, min(PAGE, limit))):
                limit -= len(page)
                yield from self._reader.read(page)
        except RefusedError as error:
            what = f"the server does not take --filter {query!r}: {error}"
            fix = "write it in MLflow's search language, e.g. \"attributes.status = 'ERROR'\""
            raise UsageError(what, fix=fix) from error

    def named(self, trace_ids: Iterable[str]) -> Iterator[Trace]:
        """Yield the traces of these ids; those the server does not have are left out.

        Raises:
            UnknownError: it did not answer.
        """
        remaining = iter(trace_ids)
        while page := list(islice(remaining, PAGE)):
            yield from self._reader.read([info for each in page if (info := self._reader.trace_info(each))])

    def close(self) -> None:
        """Close the connections kept open."""
        self._connection.close()

    def _experiments(self) -> Iterator[tuple[str, str]]:
        body: dict[str, Any] = {"max_results": EXPERIMENTS_PAGE}
        while True:
            answer = self._connection.call("POST", "/api/2.0/mlflow/experiments/search", body)
            yield from ((str(each["name"]), str(each["experiment_id"])) for each in answer.get("experiments", []))
            if not answer.get("next_page_token"):
                return
            body["page_token"] = answer["next_page_token"]


@contextmanager
def stored_traces(place: Path | str, *, cache: Path, environ: Mapping[str, str]) -> Iterator[StoredTraces]:
    """Open the traces of a server, or of a store by a temporary server on it.

    Args:
        place: folder of a store, or address of a server.
        cache: the user's cache folder.
        environ: the environment to start from.

    Raises:
        ServerError: the store cannot be served.
    """
    with served(place, cache=cache, environ=environ) as uri, closing(StoredTraces(uri, environ, str(place))) as traces:
        yield traces
