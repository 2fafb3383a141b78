"""What a report consists of: a few blocks, built once a topic and written for terminal, Markdown and HTML.

A text is plain words, or a tuple of words, names and emphasis. Nothing in it is markup: each writer escapes it.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Literal, TypeAlias

__all__ = [
    "SIGNS",
    "Block",
    "Cell",
    "Code",
    "Column",
    "Commands",
    "Fold",
    "Line",
    "Lines",
    "Listing",
    "Mark",
    "Row",
    "Section",
    "Sign",
    "Strong",
    "Table",
    "Words",
    "spans",
]

Mark = Literal["pass", "fail", "error", "skip", "inconclusive", "quarantined"]
"""A verdict. ``error``: it could not be judged. ``inconclusive``: too little is known. ``quarantined``: not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """How a verdict is shown.

    Attributes:
        text: on the terminal and on the page.
        emoji: in Markdown.
        style: colour on the terminal.
        word: the verdict for a reader.
    """

    text: str
    emoji: str
    style: str
    word: str


SIGNS: dict[Mark, Sign] = {
    "pass": Sign(text="✓", emoji="✅", style="green", word="pass"),
    "fail": Sign(text="✗", emoji="❌", style="red", word="fail"),
    "error": Sign(text="!", emoji="❗", style="yellow", word="error"),
    "inconclusive": Sign(text="?", emoji="❓", style="yellow", word="inconclusive"),
    "skip": Sign(text="-", emoji="➖", style="", word="skipped"),  # noqa: RUF001  an emoji, not a minus
    "quarantined": Sign(text="○", emoji="⚪", style="", word="quarantined"),
}
"""The only place that says how a verdict looks; no two share a sign."""


@dataclass(frozen=True, slots=True)
class Code:
    """A name, an id or a rule, as code where there is code.

    Attributes:
        text: as it is.
        anchor: the place of the page it leads to; empty for none.
    """

    text: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Strong:
    """Words that stand out."""

    text: str


Span: TypeAlias = "str | Code | Strong"
Words: TypeAlias = "Span | tuple[Span, ...]"


def spans(words: Words) -> tuple[Span, ...]:
    """Return a text as its parts."""
    return words if isinstance(words, tuple) else (words,)


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence in a list.

    Attributes:
        words: the sentence.
        mark: its verdict; None for a mere fact.
        below: what belongs to it.
    """

    words: Words
    _: KW_ONLY
    mark: Mark | None = None
    below: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Lines:
    """A list.

    Attributes:
        lines: the most important first.
        most: so many are shown on a terminal and open on the page; None for all.
    """

    lines: tuple[Line, ...]
    _: KW_ONLY
    most: int | None = None
    kind: ClassVar[str] = "lines"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; numbers stand on the right."""

    name: str
    _: KW_ONLY
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Attributes:
        words: what it shows.
        mark: its verdict; None when it is not judged.
        sort: by what the page sorts it; None to sort it by its text.
    """

    words: Words
    _: KW_ONLY
    mark: Mark | None = None
    sort: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table; one that sums up the others stands out."""

    cells: tuple[Cell, ...]
    _: KW_ONLY
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table; each row has a cell for each column."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    kind: ClassVar[str] = "table"


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines kept as they are; with ``is_diff`` those that begin with ``+`` and ``-`` stand out."""

    lines: tuple[str, ...]
    _: KW_ONLY
    is_diff: bool = False
    kind: ClassVar[str] = "listing"


@dataclass(frozen=True, slots=True)
class Fold:
    """What a reader opens to see; a terminal has no room for it.

    Attributes:
        title: to click on; empty for what is open from the start.
        blocks: what is inside.
        is_for_page: whether Markdown has no room for it either.
    """

    title: str
    blocks: tuple[Block, ...]
    _: KW_ONLY
    is_for_page: bool = False
    kind: ClassVar[str] = "fold"


@dataclass(frozen=True, slots=True)
class Commands:
    """Commands to type, each with what it is for."""

    commands: tuple[tuple[str, str], ...]
    kind: ClassVar[str] = "commands"


Block: TypeAlias = "Lines | Table | Listing | Fold | Commands"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a report.

    Attributes:
        id: where links on the page lead; empty for nowhere.
        title: its heading on the page and in Markdown. A terminal shows that of the verdict, and one that stands alone.
        label: what its lines begin with on a terminal, where it has no heading; may be empty.
        mark: the verdict in its heading.
        head: its first sentence.
        blocks: the rest.
        level: of its heading: 2 for the verdict, 3 for a part, 4 for a part of that.
        is_kept: whether it is shown however little room there is.
    """

    title: str
    id: str = ""
    label: str = ""
    mark: Mark | None = None
    head: Words = ""
    blocks: tuple[Block, ...] = ()
    level: Literal[2, 3, 4] = 3
    is_kept: bool = False
