"""An item whose failure speaks for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.core.errors import E2iError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ExplainedFailure", "ExplainedItem"]


class ExplainedFailure(Exception):  # noqa: N818  its kinds read as what they are in a traceback
    """Something was judged and is not as it must be; the text is all that a reader needs."""

    def __init__(self, lines: Iterable[str]) -> None:
        super().__init__("\n".join(lines))


class ExplainedItem(pytest.Item):
    """An item that shows what it has to say, without the plugin's own traceback."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401  pytest's own arguments
        """Show what is wrong; what nobody foresaw is shown as pytest does."""
        if isinstance(excinfo.value, (ExplainedFailure, E2iError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)
