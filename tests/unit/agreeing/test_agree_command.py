"""``e2i-eval agree`` with words it cannot do anything with."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from e2i_eval.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("mock replay --tokens=much", "--tokens=much is not a percentage"),
        ("mock replay --tokens=-1", "--tokens=-1 is not a percentage"),
        ("mock stored", "'mock' is a mode and 'stored' is a stored run"),
        ("mock replay --json=taken/a.json", "--json taken/a.json cannot be written"),
        ("mock replay --markdown=taken/a.md", "--markdown taken/a.md cannot be written"),
    ],
)
def test_bad_words_are_explained_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    """With exit code 4, and not after two suites."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").touch()

    assert main(["agree", *shlex.split(words)]) == 4

    shown = capsys.readouterr()
    assert said in shown.err
    assert "running in" not in shown.err
    assert shown.out == ""
