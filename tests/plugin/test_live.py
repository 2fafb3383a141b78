"""Live mode: real HTTP to the configured address, captured and judged like the mock's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

KEY = "sk-ant-a-key-that-must-never-be-written-down"


def test_live_answers_are_captured_and_judged(
    shop: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, claude_uri: str
) -> None:
    """The script is left aside, tokens are the server's, logging is proven, and the key is nowhere."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", claude_uri)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)

    result = pytester.runpytest_subprocess("--e2i-eval", "--e2i-claude=live", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=1)
    report = json.loads((shop / ".e2i" / "report.json").read_text())
    assert report["session"]["claude"] == "live"
    assert report["targets"]["support"]["input_tokens"] == 150
    assert report["targets"]["support"]["logging_completeness"] == 1.0
    left = [file for file in (shop / ".e2i").rglob("*") if file.is_file()]
    assert [file.name for file in left if KEY.encode() in file.read_bytes()] == []
