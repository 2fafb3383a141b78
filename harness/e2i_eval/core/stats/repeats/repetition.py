"""A repetition: one run of a case, as far as it counts here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from e2i_eval.core.behaviour import Behaviour
    from e2i_eval.core.verdict import Verdict

__all__ = ["Repetition", "by_case"]


class Repetition(Protocol):
    """What is asked of a case result."""

    @property
    def case_id(self) -> str:
        """``<target>/<name>``."""

    @property
    def target(self) -> str:
        """Its target."""

    @property
    def nodeid(self) -> str:
        """The pytest item."""

    @property
    def repeat(self) -> int:
        """Which repetition it is, from 0."""

    @property
    def planned(self) -> int:
        """The most repetitions of the case; 0 outside of any plan."""

    @property
    def status(self) -> Literal["pass", "fail", "error"]:
        """The worst of its verdicts."""

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One a check."""

    @property
    def measurements(self) -> Mapping[str, float]:
        """Numbers by name."""

    @property
    def behaviour(self) -> Behaviour | None:
        """What the target did; None when it could not be observed."""


R = TypeVar("R", bound=Repetition)


def by_case(results: Iterable[R]) -> tuple[tuple[R, ...], ...]:
    """Put the repetitions of each case together, in the order in which the cases began.

    A repetition 0 begins a case anew: a test may evaluate the same case twice.
    """
    groups: list[list[R]] = []
    latest: dict[tuple[str, str], list[R]] = {}
    for result in results:
        key = (result.nodeid, result.case_id)
        if result.repeat == 0 or key not in latest:
            latest[key] = []
            groups.append(latest[key])
        latest[key].append(result)
    return tuple(map(tuple, groups))
