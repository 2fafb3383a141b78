"""Blocks for a terminal, one text a line."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from e2i_eval.report.blocks import SIGNS, Code, Commands, Lines, Listing, Strong, Table, spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from e2i_eval.report.blocks import Block, Cell, Line, Mark, Section, Words

__all__ = ["terminal_lines", "terminal_text"]

ROOMY = 1_000
"""A table takes what it needs of it: a line that wraps can be read, a cell that is cut cannot."""

WORKFLOW_COMMAND = re.compile(r"^\s*::|##\[")
VERDICT_LEVEL = 2

BELOW_MARK, BELOW_WORDS = 4, 2
"""How far what belongs to a line is indented."""


def terminal_lines(sections: Iterable[Section], *, color: bool = False, rest: str = "report.json") -> list[str]:
    """Return sections as lines.

    Args:
        sections: what to show; folds are left out.
        color: whether the terminal shows colours.
        rest: where a reader finds what is left out.
    """
    lines = [line for section in sections for line in _section(section, color=color, rest=rest)]
    return lines[1:] if lines[:1] == [""] else lines


def terminal_text(blocks: Sequence[Block], *, rest: str = "report.json") -> list[str]:
    """Return blocks that stand for themselves as lines, without colours."""
    return [line for block in blocks for line in _block(block, color=False, rest=rest)]


def _section(section: Section, *, color: bool, rest: str) -> Iterator[str]:
    if section.level == VERDICT_LEVEL or not (section.head or section.blocks):
        style = f"bold {SIGNS[section.mark].style}" if section.mark else "bold"
        heading = Text(_marked(section.mark, section.title), style=style)
        yield from ("", *map(_harmless, _printed(heading, color=color)))
    label = f"{section.label}: " if section.label else ""
    lines = [line for block in section.blocks for line in _block(block, color=color, rest=rest)]
    if isinstance(next(iter(section.blocks), None), Table) and not section.head:
        yield ""
    if section.head:
        yield _harmless(f"{label}{_marked(section.mark, _plain(section.head))}")
        yield from (" " * BELOW_WORDS + line for line in lines)
    else:
        yield from (f"{label}{line}" for line in lines)


def _plain(words: Words) -> str:
    """Return a text without its emphasis."""
    return "".join(part.text if isinstance(part, (Code, Strong)) else part for part in spans(words))


def _block(block: Block, *, color: bool, rest: str) -> Iterator[str]:
    if isinstance(block, Lines):
        for line in block.lines[: block.most]:
            yield from _line(line, color=color, rest=rest)
        if block.most is not None and (hidden := len(block.lines) - block.most) > 0:
            yield f"… and {hidden:,} more, all of them in {rest}"
    elif isinstance(block, Table):
        yield from map(_harmless, _table(block, color=color))
    elif isinstance(block, Listing):
        yield from (_harmless(line) for each in block.lines for line in each.splitlines() or [""])
    elif isinstance(block, Commands):
        yield from (_harmless(f"{what}: {text}") for what, text in block.commands)


def _line(line: Line, *, color: bool, rest: str) -> Iterator[str]:
    indent = " " * (BELOW_MARK if line.mark else BELOW_WORDS)
    first, *others = _plain(line.words).splitlines() or [""]
    yield _harmless(_marked(line.mark, first))
    yield from (_harmless(indent + other) for other in others)
    for block in line.below:
        yield from (indent + each for each in _block(block, color=color, rest=rest))


def _table(table: Table, *, color: bool) -> list[str]:
    grid = Grid(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in table.columns:
        grid.add_column(Text(column.name), justify="right" if column.is_number else "left", no_wrap=True)
    for row in table.rows:
        grid.add_row(*map(_cell, row.cells))
    return _printed(grid, color=color)


def _cell(cell: Cell) -> Text:
    text = " ".join(_plain(cell.words).split())
    return Text(_marked(cell.mark, text), style=SIGNS[cell.mark].style if cell.mark else "")


def _marked(mark: Mark | None, text: str) -> str:
    return f"{SIGNS[mark].text} {text}" if mark else text


def _printed(shown: Grid | Text, *, color: bool) -> list[str]:
    screen = io.StringIO()
    console = Console(file=screen, width=ROOMY, force_terminal=color, color_system="standard" if color else None)
    console.print(shown, soft_wrap=isinstance(shown, Text))
    return [line.rstrip() for line in screen.getvalue().splitlines() if line.strip()]


def _harmless(line: str) -> str:
    """Keep an answer from speaking to GitHub, which obeys lines that begin with ``::`` and texts with ``##[``."""
    return WORKFLOW_COMMAND.sub(lambda found: " ".join(found[0].strip()), line)
