"""The faults of one file, in its order: a decorator on the function that breaks the thing declares each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from e2i_eval.faults.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Required, Unpack

    from e2i_eval.faults.fault import CallEdit, CaseEdit, FaultClass, ModelEdit, Need, Place, RequestEdit, SpansEdit

__all__ = ["FaultList"]

Function = TypeVar("Function")


class Declaration(TypedDict, total=False):
    """What a fault says of itself besides name and summary; see ``Fault``. The list's own values stand for the rest."""

    source: Required[str]
    kind: FaultClass
    place: Place
    checks: tuple[str, ...]
    says: str
    needs: tuple[Need, ...]
    request: RequestEdit
    case: CaseEdit


class FaultList:
    """Collects faults; each method declares one that is applied in the way it is called after."""

    def __init__(self, *, kind: FaultClass, place: Place, checks: tuple[str, ...]) -> None:
        """Take what holds for faults that do not say it themselves."""
        self._usual: dict[str, Any] = {"kind": kind, "place": place, "checks": checks}
        self._faults: list[Fault] = []

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def spans(self, name: str, summary: str, **declared: Unpack[Declaration]) -> Callable[[SpansEdit], SpansEdit]:
        """Declare a fault of what is sent of spans."""
        return self._declaring("spans", name, summary, declared)

    def request(self, name: str, summary: str, **declared: Unpack[Declaration]) -> Callable[[RequestEdit], RequestEdit]:
        """Declare a fault of the requests to the server."""
        return self._declaring("request", name, summary, declared)

    def model(self, name: str, summary: str, **declared: Unpack[Declaration]) -> Callable[[ModelEdit], ModelEdit]:
        """Declare a fault of the target's chat models."""
        return self._declaring("model", name, summary, declared)

    def call(self, name: str, summary: str, **declared: Unpack[Declaration]) -> Callable[[CallEdit], CallEdit]:
        """Declare a fault of the target itself."""
        return self._declaring("call", name, summary, declared)

    def case(self, name: str, summary: str, **declared: Unpack[Declaration]) -> Callable[[CaseEdit], CaseEdit]:
        """Declare a fault of what Claude answers."""
        return self._declaring("case", name, summary, declared)

    def _declaring(self, way: str, name: str, summary: str, declared: Declaration) -> Callable[[Function], Function]:
        def add(function: Function) -> Function:
            said: dict[str, Any] = {**self._usual, **declared, way: function}
            self._faults.append(Fault(name=name, summary=summary, **said))
            return function

        return add
