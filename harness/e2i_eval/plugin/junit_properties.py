"""JUnit properties: case, tokens, cost and trace beside each test of the XML file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.plugin.outcome import case_results
from e2i_eval.report.properties import case_properties

if TYPE_CHECKING:
    from e2i_eval.plugin.state import SessionState

__all__ = ["JunitProperties"]


class JunitProperties:
    """Puts the properties on the item, from where pytest takes them into its report, over xdist too."""

    def __init__(self, state: SessionState) -> None:
        self._state = state

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Add them once, before the last report of the item is made: that one is written to the file."""
        if call.when == "teardown":
            uri = self._state.settings.tracking_uri  # a temporary server is gone when somebody reads the file
            runs_url = self._state.worker.tracking.url("").removesuffix("/traces") if uri else ""
            item.user_properties += case_properties(case_results(item), runs_url=runs_url)
