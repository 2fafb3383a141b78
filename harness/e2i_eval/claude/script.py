"""The script: what Claude answers in a case, and which entry answers which request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from e2i_eval.claude.origin import RequestOrigin
    from e2i_eval.core.case import ScriptedAnswer

__all__ = ["Script", "ScriptEntry", "Use"]


@dataclass(slots=True, kw_only=True)
class ScriptEntry:
    """One entry and how often it has answered."""

    answer: ScriptedAnswer
    position: int
    used: int = 0

    @property
    def left(self) -> int:
        """How many requests it may still answer; one more, always, when it is endless."""
        return 1 if self.answer.is_endless else max(0, self.answer.times - self.used)

    @property
    def is_failing(self) -> bool:
        """It answers with something the SDK may try again."""
        return self.answer.error is not None or self.answer.fault is not None

    def fits(self, prompt: str) -> bool:
        """Tell whether ``prompt`` has the text it asks for."""
        return self.answer.contains is None or self.answer.contains in prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One answer taken from the script.

    Attributes:
        answer: the entry's content.
        position: 0-based position of the entry in the script.
        number: 0 for the entry's first use.
    """

    answer: ScriptedAnswer
    position: int
    number: int


class Script:
    """Deals the entries of one case; the caller holds a lock.

    An entry with a node answers that node only; entries without one answer whoever finds no entry of its own.
    Within each kind the first entry that is not used up and whose ``contains`` fits is taken.

    Parallel branches ask in an order that differs between runs. Their answers are the same in every run when

    * each branch is a node of its own with entries of its own, or
    * entries distinguish the branches by ``contains``, or
    * the branches are tasks of one ``Send``: the first call of the i-th task takes the i-th entry that was left
      when the step began, whichever task asks first.

    Otherwise entries are dealt in order of arrival.
    """

    def __init__(self, answers: Iterable[ScriptedAnswer] = ()) -> None:
        self.entries: list[ScriptEntry] = []
        self._deals: dict[object, tuple[ScriptEntry, ...]] = {}
        self._dealt: set[object] = set()
        self.extend(answers)

    def extend(self, answers: Iterable[ScriptedAnswer]) -> None:
        """Append ``answers``."""
        for answer in answers:
            self.entries.append(ScriptEntry(answer=answer, position=len(self.entries)))

    def take(self, origin: RequestOrigin, prompt: str, *, previous: int | None = None) -> Use | None:
        """Take the answer for a request; None when no entry fits.

        Args:
            origin: who asks.
            prompt: the request's text, for ``contains``.
            previous: for a retry, the position of the entry that answered the attempt before.
        """
        entry = self._repeated(previous) or self._dealt_to_branch(origin, prompt) or self._next(origin, prompt)
        if entry is None:
            return None
        entry.used += 1
        return Use(answer=entry.answer, position=entry.position, number=entry.used - 1)

    def candidates(self, node: str | None) -> Iterator[ScriptEntry]:
        """Yield the entries left for ``node``, its own before those for anybody."""
        own = (entry for entry in self.entries if entry.left and node is not None and entry.answer.node == node)
        yield from own
        yield from (entry for entry in self.entries if entry.left and entry.answer.node is None)

    def left_over(self) -> tuple[ScriptEntry, ...]:
        """Return the entries that have not answered as often as they were to."""
        return tuple(entry for entry in self.entries if entry.left and not entry.answer.is_endless)

    def _repeated(self, previous: int | None) -> ScriptEntry | None:
        if previous is None:
            return None
        entry = self.entries[previous]
        return entry if entry.left and entry.is_failing else None

    def _next(self, origin: RequestOrigin, prompt: str) -> ScriptEntry | None:
        return next((entry for entry in self.candidates(origin.caller.node) if entry.fits(prompt)), None)

    def _dealt_to_branch(self, origin: RequestOrigin, prompt: str) -> ScriptEntry | None:
        first = self._next(origin, prompt)
        task = (origin.siblings, origin.caller.namespace)
        if origin.branch is None or task in self._dealt or first is None or first.answer.contains is not None:
            return None
        self._dealt.add(task)
        deal = self._deals.setdefault(origin.siblings, self._plain_entries(origin.caller.node))
        entry = deal[origin.branch] if origin.branch < len(deal) else None
        return entry if entry is not None and entry.left else None

    def _plain_entries(self, node: str | None) -> tuple[ScriptEntry, ...]:
        plain = (entry for entry in self.candidates(node) if entry.answer.contains is None)
        return tuple(entry for entry in plain for _ in range(entry.left))
