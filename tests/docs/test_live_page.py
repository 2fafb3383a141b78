"""The page on live runs: its Python is executed."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "live.md"


def test_the_servers_example_runs() -> None:
    """The block starts the server, asks it and counts what was paid."""
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)

    exec(compile(block, str(PAGE), "exec"), {})
