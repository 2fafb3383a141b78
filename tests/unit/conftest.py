"""Screens as files: each is kept beside its test, and a reviewer sees what a person will see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion


class Screen(SingleFileSnapshotExtension):
    """A text file of its own."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


class MarkdownScreen(Screen):
    """Markdown, which a browser shows as GitHub will."""

    file_extension = "md"


@pytest.fixture
def screen(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """What a terminal showed when the screen was last accepted; ``pytest --snapshot-update`` accepts a new one."""
    return snapshot.use_extension(Screen)


@pytest.fixture
def comment(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """The same of Markdown."""
    return snapshot.use_extension(MarkdownScreen)
