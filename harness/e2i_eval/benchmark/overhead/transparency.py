"""Transparency: whether a caller gets the same with logging as without."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from deepdiff import DeepDiff

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from e2i_eval.benchmark.overhead.outcome import Outcome
    from e2i_eval.core.json_value import JsonObject

__all__ = ["Transparency", "compared"]

SHOWN = 200
PLAIN_CALLS = 2
SECOND_LOOK = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Transparency:
    """How the variants compare.

    Attributes:
        differences: one sentence each; empty when the caller gets the same.
        not_compared: what differs between two calls without logging already, so that nothing can be said of it.
    """

    differences: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()


def compared(what: str, plain: Callable[[], Outcome], logged: Callable[[], Outcome]) -> Transparency:
    """Call both variants and compare what they give, with DeepDiff.

    Two calls without logging show what changes by itself, such as a duration in the output; those places are left out
    and named. A difference counts when a second look, at further calls of both variants, finds it again.

    Args:
        what: the kind of call, for the sentences (``invoke``).
        plain: makes a call without logging.
        logged: makes one with logging.
    """
    calm = [plain().data() for _ in range(PLAIN_CALLS)]
    found = _against(calm, logged().data())
    if found.differences:
        calm += [plain().data() for _ in range(SECOND_LOOK)]
        again = [_against(calm, logged().data()) for _ in range(SECOND_LOOK)]
        found = Transparency(
            differences=_in_all([found, *again]),
            not_compared=tuple(dict.fromkeys(each for look in again for each in look.not_compared)),
        )
    return Transparency(
        differences=tuple(f"{what}: {each}" for each in found.differences),
        not_compared=tuple(f"{what}: {each}" for each in found.not_compared),
    )


def _against(calm: Sequence[JsonObject], logged: JsonObject) -> Transparency:
    unordered = _is_unordered(calm)
    if unordered:
        calm, logged = [_sorted_chunks(each) for each in calm], _sorted_chunks(logged)
    volatile = sorted({path for one, two in combinations(calm, 2) for path in _paths(_diff(one, two, ()))})
    diff = _diff(calm[0], logged, volatile)
    noted = ("the order of chunks, which changes without logging too",) if unordered else ()
    return Transparency(differences=tuple(_sentences(diff)), not_compared=(*noted, *volatile))


def _in_all(looks: Sequence[Transparency]) -> tuple[str, ...]:
    """Return the differences of the last look at places where every look found one."""
    places = set.intersection(*({_place(each) for each in look.differences} for look in looks))
    return tuple(each for each in looks[-1].differences if _place(each) in places)


def _place(sentence: str) -> str:
    return sentence.partition(": ")[0]


def _is_unordered(calm: Sequence[JsonObject]) -> bool:
    """Tell whether the same chunks come in another order, as from branches that run at the same time."""
    first = calm[0]["chunks"]
    return any(each["chunks"] != first for each in calm) and all(
        _sorted_chunks(each)["chunks"] == _sorted_chunks(calm[0])["chunks"] for each in calm
    )


def _sorted_chunks(data: JsonObject) -> JsonObject:
    return {**data, "chunks": sorted(data["chunks"], key=lambda chunk: json.dumps(chunk, sort_keys=True))}


def _diff(one: JsonObject, two: JsonObject, excluded: Sequence[str]) -> Any:  # noqa: ANN401  DeepDiff has no types
    return DeepDiff(one, two, view="tree", ignore_nan_inequality=True, exclude_paths=list(excluded) or None)


def _paths(diff: Any) -> set[str]:  # noqa: ANN401
    return {change.path() for kind in diff.values() for change in kind}


def _sentences(diff: Any) -> list[str]:  # noqa: ANN401
    found = [(change.path(), change.t1, change.t2) for kind in diff.values() for change in kind]
    return [
        f"{path}: without logging {_shown(one)}, with logging {_shown(two)}"
        for path, one, two in sorted(found, key=lambda each: each[0])
    ]


def _shown(value: object) -> str:
    text = str(value) if type(value).__name__ == "NotPresent" else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
