"""Blocks as GitHub's Markdown: bounded, and nothing foreign in it is obeyed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.report.blocks import SIGNS, Code, Commands, Fold, Lines, Listing, Strong, Table, spans
from e2i_eval.report.markdown_text import block as fenced
from e2i_eval.report.markdown_text import code, prose, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from e2i_eval.report.blocks import Block, Line, Section, Words

__all__ = ["COMMENT_CHARS", "markdown"]

COMMENT_CHARS = 60_000
"""GitHub refuses a comment of more than 65,536 characters; a bot's own words need room too."""

GAP = len("\n\n")
SENTENCE_CHARS = 1_000
LISTING_CHARS = 3_000
MOST_FACTS = 40
"""Of a list that holds no verdicts; verdicts are shown as long as there is room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """What is shown whole or not at all.

    Attributes:
        text: of whole lines.
        brief: shown where there is no room for ``text``; empty for nothing.
        is_counted: whether it is one of the items a reader would miss.
    """

    text: str
    brief: str = ""
    is_counted: bool = True


def markdown(sections: Sequence[Section], *, rest: str, limit: int = COMMENT_CHARS) -> str:
    """Return sections as Markdown of at most ``limit`` characters; what is left out is counted.

    Args:
        sections: in the order in which they are shown; those to be kept have their room first.
        rest: where a reader finds what is left out.
        limit: in characters.
    """
    kept = {at: _whole(section) for at, section in enumerate(sections) if section.is_kept}
    room = limit - sum(len(text) + GAP for text in kept.values())
    texts = []
    for at, section in enumerate(sections):
        text = kept[at] if at in kept else _fitted(section, room, rest)
        room -= 0 if at in kept else len(text) + GAP
        texts += [text] if text else []
    return "\n\n".join(texts)[: limit - 1] + "\n"


def _heading(section: Section) -> str:
    mark = f"{SIGNS[section.mark].emoji} " if section.mark else ""
    head = f"{_words(section.head)}\n\n" if section.head else ""
    return f"{'#' * section.level} {mark}{prose(section.title)}\n\n{head}"


def _whole(section: Section) -> str:
    return (_heading(section) + _text(section.blocks)).strip("\n")


def _fitted(section: Section, room: int, rest: str) -> str:
    """Return the section with as many of its items as there is room for."""
    start = _heading(section)
    left = room - len(start) - 2 * len(_left_out(room, room, rest))
    if left < 0:
        return ""
    pieces = [piece for block in section.blocks for piece in _pieces(block)]
    shown: list[str] = []
    shortened_items = 0
    for piece in pieces:
        spare = left - room // 2 if piece.brief else left  # details leave half of the room to the sections that follow
        text = piece.text if len(piece.text) <= spare else piece.brief
        if not text or len(text) > left:
            break
        left -= len(text)
        shown.append(text)
        shortened_items += text != piece.text
    hidden = sum(piece.is_counted for piece in pieces[len(shown) :])
    return (start + "".join(shown)).rstrip("\n") + _left_out(hidden, shortened_items, rest)


def _left_out(hidden: int, shortened_items: int, rest: str) -> str:
    parts = [f"{hidden:,} more"] if hidden else []
    parts += [f"the details of {shortened_items:,}"] if shortened_items else []
    return f"\n\n… and {' and '.join(parts)}, in {rest}" if parts else ""


def _pieces(block: Block) -> Iterator[_Piece]:
    if isinstance(block, Table):
        rule = ["--:" if column.is_number else ":--" for column in block.columns]
        names = [prose(column.name) for column in block.columns]
        yield _Piece(text=f"{_row(names)}\n{_row(rule)}\n", is_counted=False)
        for row in block.rows:
            cells = [
                f"{SIGNS[cell.mark].emoji if cell.mark else ''} {_words(cell.words)}".strip() for cell in row.cells
            ]
            yield _Piece(text=f"{_row(f'**{cell}**' if row.is_total and cell else cell for cell in cells)}\n")
        yield _Piece(text="\n", is_counted=False)
    elif isinstance(block, Lines):
        yield from _items(block)
        yield _Piece(text="\n", is_counted=False)
    elif isinstance(block, Fold) and not block.title:
        yield from (piece for each in block.blocks for piece in _pieces(each))
    elif not (isinstance(block, Fold) and block.is_for_page):
        yield _Piece(text=f"{_whole_block(block)}\n\n")


def _items(block: Lines) -> Iterator[_Piece]:
    facts = 0
    for at, line in enumerate(block.lines):
        brief, text = _item(line, is_brief=True), _item(line)
        facts += line.mark is None
        if facts > MOST_FACTS:
            yield _Piece(text=f"- … and {len(block.lines) - at:,} more\n", is_counted=False)
            return
        yield _Piece(text=text, brief=brief)


def _item(line: Line, *, is_brief: bool = False) -> str:
    """Return a line of a list, with what belongs to it indented."""
    mark = f"{SIGNS[line.mark].emoji} " if line.mark else ""
    first = f"- {mark}{_words(line.words)}\n"
    if is_brief:
        return first
    inner = "".join(_text([block]) if isinstance(block, Lines) else f"\n{_text([block])}" for block in line.below)
    return first + "".join(f"  {each}".rstrip() + "\n" for each in inner.rstrip("\n").splitlines())


def _text(blocks: Iterable[Block]) -> str:
    return "".join(piece.text for block in blocks for piece in _pieces(block))


def _whole_block(block: Listing | Commands | Fold) -> str:
    if isinstance(block, Fold):
        inner = _text(block.blocks).strip("\n")
        return f"<details><summary>{prose(block.title)}</summary>\n\n{inner}\n\n</details>"
    if isinstance(block, Commands):
        typed = (f"# {what}\n{shortened(text, SENTENCE_CHARS * 2)}" for what, text in block.commands)
        return fenced(shortened("\n".join(typed), LISTING_CHARS * 2), "sh")
    return fenced(shortened("\n".join(block.lines), LISTING_CHARS), "diff" if block.is_diff else "")


def _words(words: Words) -> str:
    return "".join(_span(part) for part in spans(words))


def _span(part: str | Code | Strong) -> str:
    text = shortened(part if isinstance(part, str) else part.text, SENTENCE_CHARS)
    if isinstance(part, Code):
        return code(text)
    if isinstance(part, Strong):
        return f"**{prose(text)}**"
    before, after = " " * text[:1].isspace(), " " * text[-1:].isspace()
    return f"{before}{prose(text)}{after}" if text.strip() else before


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
