"""Items that stand in no file: what is asked of a target or of the whole run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import collect_one_node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["session_items"]


class SessionCollector(pytest.Collector):
    """Collects items for the session itself."""

    def __init__(
        self,
        *,
        make: Callable[[SessionCollector], Iterable[pytest.Item]],
        **kwargs: Any,  # noqa: ANN401  pytest's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self._make = make

    def collect(self) -> Iterable[pytest.Item]:
        """Make the items."""
        return self._make(self)


def session_items(
    session: pytest.Session, kind: str, make: Callable[[SessionCollector], Iterable[pytest.Item]]
) -> list[pytest.Item]:
    """Collect items as pytest collects any other, so that it counts them.

    Args:
        session: of which they become a part.
        kind: what their ids begin with, ``gate`` for ``gate::cost:+5%[rag]``.
        make: makes them, children of the collector it is given.
    """
    report = collect_one_node(SessionCollector.from_parent(session, name=kind, nodeid=kind, make=make))
    session.ihook.pytest_collectreport(report=report)
    return [item for item in report.result or () if isinstance(item, pytest.Item)]
