"""The usage log: what the session's cassettes were worth, a line a case, kept by all its processes together."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["UsageLine", "UsageLog", "usage_notes"]

MAX_NAMES = 5
SHOWN_USD = 0.01
"""Less is not shown as a figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLine:
    """How one case and its cassette got on.

    Attributes:
        case_id: the case.
        recorded: the day its newest entry was recorded, ISO 8601; empty when there was no cassette.
        models: the models it was recorded with.
        entries: how many requests were recorded.
        changed: requests that no entry answers.
        unreached: entries that were not asked for, besides those a changed request stands for.
        taken: requests that were recorded in this run.
        usd: about what recording ``changed`` and ``unreached`` anew will cost; None when a price is not known.
    """

    case_id: str
    recorded: str
    models: tuple[str, ...]
    entries: int
    changed: int
    unreached: int
    taken: int
    usd: float | None


class UsageLog:
    """A file of lines in a folder that the session's processes share."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "cassettes.jsonl"
        self._lock = FileLock(folder / "cassettes.lock")

    def add(self, line: UsageLine) -> None:
        """Write a line."""
        with self._lock, self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(line)) + "\n")

    def lines(self) -> tuple[UsageLine, ...]:
        """Return the lines, of a case that ran several times the last one, in order of the cases."""
        if not self._file.exists():
            return ()
        with self._lock:
            texts = self._file.read_text(encoding="utf-8").splitlines()
        read = [json.loads(text) for text in texts]
        lines = {data["case_id"]: UsageLine(**{**data, "models": tuple(data["models"])}) for data in read}
        return tuple(lines[case_id] for case_id in sorted(lines))


def usage_notes(lines: Sequence[UsageLine]) -> Iterator[str]:
    """Yield what a reader should know: how old the recordings are, and what it takes to renew those that changed."""
    played = [line for line in lines if line.recorded]
    if played:
        models = ", ".join(sorted({model for line in played for model in line.models}))
        oldest = min(line.recorded for line in played)
        yield f"oldest of {_counted(len(played), 'cassette')}: {oldest}, recorded with {models or 'no model'}"
    if taken := [line for line in lines if line.taken]:
        yield f"recorded {_counted(sum(line.taken for line in taken), 'request')} of {_names(taken)}"
    if stale := [line for line in lines if line.changed or line.unreached]:
        yield _stale(lines, stale)


def _stale(lines: Sequence[UsageLine], stale: Sequence[UsageLine]) -> str:
    total = sum(line.entries for line in lines)
    changed, unreached = sum(line.changed for line in stale), sum(line.unreached for line in stale)
    chosen = " or ".join(line.case_id for line in stale)
    command = "pytest --e2i-eval --e2i-claude=record --e2i-max-cost=USD"
    command += f" -k '{chosen}'" if len(stale) <= MAX_NAMES else ""
    return (
        f"{_counted(changed, 'request')} changed or new, {unreached} of {total} recorded ones not asked for: "
        f"{_names(stale)}; to record them costs {_price(stale)}: {command}"
    )


def _price(stale: Sequence[UsageLine]) -> str:
    known = [line.usd for line in stale if line.usd is not None]
    if len(known) < len(stale):
        return "nobody knows what, as a price is unknown"
    return f"about {sum(known):.2f} USD" if sum(known) >= SHOWN_USD else f"less than {SHOWN_USD} USD"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _names(lines: Sequence[UsageLine]) -> str:
    names = [line.case_id for line in lines]
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more
