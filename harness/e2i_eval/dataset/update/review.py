"""A review: a person says yes or no to each change before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from e2i_eval.dataset.update.proposal import Remark
from e2i_eval.dataset.update.splice import SpliceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from e2i_eval.dataset.update.change import Change
    from e2i_eval.dataset.update.plan import FilePlan

__all__ = ["QUESTION", "Reviewed", "review"]

QUESTION = "change it? [y]es, [n]o, [a]ll of this file, [s]kip this file, [q]uit: "
"""Asked of each change. Quitting keeps the answers that were given; what was not asked for stays as it is."""

ANSWERS = ("yes", "no", "all", "skip", "quit")


@dataclass(slots=True, kw_only=True)
class Reviewed:
    """What was said.

    Attributes:
        plans: the files with the changes that were accepted; those without any are left out.
        accepted: how many changes.
        refused: how many changes were refused.
        unseen: how many were not asked for any more.
    """

    plans: list[FilePlan] = field(default_factory=list)
    accepted: int = 0
    refused: int = 0
    unseen: int = 0


def review(
    plans: Sequence[FilePlan], show: Callable[[FilePlan, str], None], ask: Callable[[str], str | None]
) -> Reviewed:
    """Ask about each change.

    Args:
        plans: what there is to decide.
        show: shows a file with a single change made in it, and which one of how many it is.
        ask: puts a question and returns the answer; None when nobody answers any more.
    """
    changing = [plan for plan in plans if plan.is_change]
    conversation = _Conversation(show=show, ask=ask, total=sum(len(_items(plan)) for plan in changing))
    for plan in changing:
        conversation.about(plan)
    return conversation.reviewed


def _items(plan: FilePlan) -> tuple[tuple[Change, ...], ...]:
    """Return what is decided by itself; a file that is removed, or replaced as a whole, is one such thing."""
    return plan.items() or ((),)


@dataclass(slots=True, kw_only=True)
class _Conversation:
    """One review while it lasts.

    Attributes:
        show: see :func:`review`.
        ask: see :func:`review`.
        total: how many questions there are at most.
        asked: how many have been decided or passed over.
        rest: the answer for the rest of the file, empty while there is none.
        has_quit: no more questions.
        reviewed: what was said so far.
    """

    show: Callable[[FilePlan, str], None]
    ask: Callable[[str], str | None]
    total: int
    asked: int = 0
    rest: str = ""
    has_quit: bool = False
    reviewed: Reviewed = field(default_factory=Reviewed)

    def about(self, plan: FilePlan) -> None:
        """Ask about each change of one file."""
        self.rest = ""
        wanted = [item for item in _items(plan) if self._is_wanted(plan, item)]
        changes = [change for item in wanted for change in item]
        if wanted:
            self.reviewed.plans.append(_narrowed(plan, changes) if changes else plan)

    def _is_wanted(self, plan: FilePlan, item: Sequence[Change]) -> bool:
        """Ask about one change, unless the answer is known, and count it."""
        self.asked += 1
        answer = "quit" if self.has_quit else self.rest or self._answer(plan, item)
        if answer == "quit":
            self.has_quit = True
            self.reviewed.unseen += 1
            return False
        if answer in {"all", "skip"}:
            self.rest = answer
        is_wanted = answer in {"yes", "all"}
        self.reviewed.accepted += is_wanted
        self.reviewed.refused += not is_wanted
        return is_wanted

    def _answer(self, plan: FilePlan, item: Sequence[Change]) -> str:
        """Ask until the answer is one, or its first letter; an end of the input quits."""
        self.show(_narrowed(plan, item) if item else plan, f"{self.asked} of {self.total}")
        while (said := self.ask(QUESTION)) is not None:
            word = said.strip().lower()
            if found := [each for each in ANSWERS if word and each.startswith(word)]:
                return found[0]
        return "quit"


def _narrowed(plan: FilePlan, changes: Sequence[Change]) -> FilePlan:
    """Return the plan with some of its changes; one that cannot do without the others stays as it is, with a remark."""
    try:
        return plan.narrowed(changes)
    except SpliceError as error:
        refused = Remark(where=f"{plan.file}:1", text=f"needs your hand: {error}")
        return replace(plan, after=plan.before, changes=(), remarks=(*plan.remarks, refused))
