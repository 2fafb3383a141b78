"""One edit in the text of a YAML file leaves every other letter as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from e2i_eval.dataset.case_file.yaml_document import parse_yaml
from e2i_eval.dataset.update.change import Edit
from e2i_eval.dataset.update.edited import edited, identical
from e2i_eval.dataset.update.splice import SpliceError, spliced
from e2i_eval.dataset.update.yaml_text import block_lines, flow_text, scalar_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.dataset.update.change import KeyPath

TEXT = """\
# head
schema: 1   # v
inputs: {question: "Where?", n: 3}
claude:
  - {node: a, text: "x"}   # first
  # about second
  - node: b
    text: y
  - node: c   # third
    text: |
      one
      two

# before expect
expect:
  output:
    a: 1        # one
    b: [1, 2, {c: d}]
    'e': 'quoted'
    f: "dq"
    g:
  ignore:
  - root['a']
  - root['b']
"""


def change(before: str, after: str, text: str = TEXT) -> str:
    """Return ``text`` with the only occurrence of one text replaced."""
    assert text.count(before) == 1
    return text.replace(before, after)


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (Edit(kind="replace", path=("expect", "output", "a"), value=2.5), change("    a: 1 ", "    a: 2.5 ")),
        (Edit(kind="replace", path=("expect", "output", "a"), value="p: q"), change("    a: 1 ", '    a: "p: q" ')),
        (Edit(kind="replace", path=("expect", "output", "a"), value="# no"), change("    a: 1 ", '    a: "# no" ')),
        (Edit(kind="replace", path=("expect", "output", "a"), value="1"), change("    a: 1 ", '    a: "1" ')),
        (Edit(kind="replace", path=("expect", "output", "e"), value="it's"), change("'quoted'", "'it''s'")),
        (Edit(kind="replace", path=("expect", "output", "f"), value="a\nb"), change('"dq"', '"a\\nb"')),
        (Edit(kind="replace", path=("expect", "output", "g"), value=True), change("    g:\n", "    g: true\n")),
        (Edit(kind="replace", path=("expect", "output", "b", 2, "c"), value="x, y"), change("c: d}", 'c: "x, y"}')),
        (
            Edit(kind="replace", path=("claude", 2, "text"), value="1\n\n2\n"),
            change("      one\n      two\n", "      1\n\n      2\n"),
        ),
        (Edit(kind="remove", path=("claude", 0)), change('  - {node: a, text: "x"}   # first\n', "")),
        (Edit(kind="remove", path=("claude", 1)), change("  - node: b\n    text: y\n", "")),
        (Edit(kind="remove", path=("claude", 1, "node")), change("- node: b\n    text", "- text")),
        (Edit(kind="remove", path=("expect", "output", "b", 1)), change("1, 2, ", "1, ")),
        (Edit(kind="remove", path=("expect", "ignore", 1)), change("  - root['b']\n", "")),
        (Edit(kind="remove", path=("inputs", "n")), change(", n: 3", "")),
        (Edit(kind="insert", path=("expect", "ignore", 1), value="z"), change("  - root['b']", "  - z\n  - root['b']")),
        (Edit(kind="insert", path=("expect", "output", "b", 3), value=4), change("{c: d}]", "{c: d}, 4]")),
        (
            Edit(kind="insert", path=("expect", "budget"), value={"calls": 3}, after="output"),
            change("  ignore:", "  budget: {calls: 3}\n  ignore:"),
        ),
        (
            Edit(kind="replace", path=("expect", "output", "a"), value={f"key{n}": "v" * 9 for n in range(9)}),
            change(
                "    a: 1        # one", "    a:        # one" + "".join(f"\n      key{n}: {'v' * 9}" for n in range(9))
            ),
        ),
    ],
    ids=lambda value: f"{value.kind} {value.dotted} {value.value!r:.12}" if isinstance(value, Edit) else "",
)
def test_an_edit_changes_its_own_span_only(edit: Edit, expected: str) -> None:
    """Comments, quotes, indentation and the lines around stay; with the line ends of the file."""
    assert spliced(TEXT, edit) == expected
    assert spliced(TEXT.replace("\n", "\r\n"), edit) == expected.replace("\n", "\r\n")


def test_what_an_anchor_shares_is_refused() -> None:
    """To change one place must not change another; an alias itself may be written out."""
    text = "a: &x {k: 1}\nb: *x\nc:\n  <<: *x\n  d: 2\n"

    for path in (("a", "k"), ("b", "k"), ("c", "k"), ("a",)):
        with pytest.raises(SpliceError):
            spliced(text, Edit(kind="replace", path=path, value=2))
    written_out = spliced(text, Edit(kind="replace", path=("b",), value={"k": 3}))

    assert written_out == text.replace("b: *x", "b: {k: 3}")


@pytest.mark.parametrize("path", [("nowhere",), ("expect", "output", "b", 9), ("schema", "x")])
def test_a_place_that_is_not_there_is_refused(path: KeyPath) -> None:
    """The message names it."""
    with pytest.raises(SpliceError, match=str(path[0])):
        spliced(TEXT, Edit(kind="replace", path=path, value=1))


LETTERS = st.text("ab: #'\"-\\[]{},&*!|>%@`?~\t\néß中😀\x7f\u2028", max_size=12)
WORDS = st.sampled_from(["a", "b1", "no", "1", "1.5", "null", "true", "~", "x y", "2026-01-01", "<<", "- a", ""])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-9, 10**6), st.floats(allow_nan=True), LETTERS, WORDS)
KEYS = st.sampled_from(["a", "b", "c.d", "e f", "no", "1", "ü"])
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(KEYS, inner, min_size=1, max_size=3),
    max_leaves=8,
)


@dataclass(slots=True)
class Emitter:
    """Writes data as YAML in styles as they come, and notes where each leaf stands.

    Written for this test alone, by other rules than the product's own writer.
    """

    draw: Callable[[st.SearchStrategy[int]], int]
    text: str = ""
    leaves: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)

    def choose(self, count: int) -> int:
        """Return a number below ``count``."""
        return self.draw(st.integers(0, count - 1))

    def collection(self, data: JsonValue, indent: int, path: KeyPath) -> None:
        """Write a list or mapping in block style, from the begin of a line."""
        pairs = data.items() if isinstance(data, dict) else enumerate(data)
        for key, value in pairs:
            self.text += ["", "\n", f"{' ' * indent}# note\n", "#x\n"][self.choose(4)]
            here = (*path, key)
            self.text += " " * indent + (f"{flow_text(key)}:" if isinstance(data, dict) else "-")
            if isinstance(value, dict | list) and self.choose(2):
                self.text += ["\n", " # below\n"][self.choose(2)]
                self.collection(value, indent + 1 + self.choose(3), here)
                continue
            self.text += " " * (1 + self.choose(2))
            if self.literal(value, indent, here):
                continue
            self.inline(value, here, in_flow=False)
            self.text += ["\n", "   # c: [x\n", " #\n"][self.choose(3)]

    def literal(self, value: JsonValue, indent: int, path: KeyPath) -> bool:
        """Write a text as a literal block where that is possible and chosen."""
        is_plain = isinstance(value, str) and value.strip() and value.isprintable() and value == value.strip()
        if not is_plain or not self.choose(2):
            return False
        start = len(self.text)
        self.text += f"|-\n{' ' * (indent + 3)}{value}"
        self.leaves[path] = (start, len(self.text))
        self.text += ["\n", "\n\n"][self.choose(2)]
        return True

    def inline(self, value: JsonValue, path: KeyPath, *, in_flow: bool) -> None:
        """Write a value on the line, lists and mappings in brackets."""
        if isinstance(value, dict | list):
            is_map = isinstance(value, dict)
            pairs: list[tuple[Any, JsonValue]] = list(value.items() if isinstance(value, dict) else enumerate(value))
            self.text += "{" if is_map else "["
            for at, (key, each) in enumerate(pairs):
                self.text += [", ", " ,  "][self.choose(2)] if at else ""
                self.text += f"{flow_text(key)}: " if is_map else ""
                self.inline(each, (*path, key), in_flow=True)
            self.text += "}" if is_map else "]"
            return
        start = len(self.text)
        self.text += scalar_text(value, style=[None, "'", '"'][self.choose(3)], in_flow=in_flow)
        self.leaves[path] = (start, len(self.text))


@st.composite
def documents(draw: Callable[..., JsonValue]) -> tuple[str, JsonValue, dict[KeyPath, tuple[int, int]]]:
    """Return a YAML text, its data, and the place of each leaf."""
    data = draw(st.dictionaries(KEYS, DATA, min_size=1, max_size=4))
    emitter = Emitter(draw)
    emitter.collection(data, 0, ())
    return emitter.text, data, emitter.leaves


@given(document=documents(), value=SCALARS, pick=st.integers(0, 99))
def test_a_replaced_leaf_leaves_all_other_bytes(
    document: tuple[str, JsonValue, dict[KeyPath, tuple[int, int]]], value: JsonValue, pick: int
) -> None:
    """Whatever the style, what stands before and behind the leaf is what stood there."""
    text, data, leaves = document
    assert identical(parse_yaml(text).data, data)
    assume(leaves)
    path, (start, end) = list(leaves.items())[pick % len(leaves)]

    after = spliced(text, Edit(kind="replace", path=path, value=value))

    assert after.startswith(text[:start])
    assert after.endswith(text[end:])
    assert len(after) >= start + len(text) - end
    assert identical(parse_yaml(after).data, edited(data, Edit(kind="replace", path=path, value=value)))


def shared(one: str, other: str) -> int:
    """Return how many letters two texts begin with together."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


@given(document=documents(), pick=st.integers(0, 99), value=DATA)
def test_removing_and_inserting_touch_one_stretch(
    document: tuple[str, JsonValue, dict[KeyPath, tuple[int, int]]], pick: int, value: JsonValue
) -> None:
    """Beside one stretch that goes or comes, all letters stay; comments on lines of their own stay."""
    text, _, leaves = document
    assume(leaves)
    path = list(leaves)[pick % len(leaves)]
    key = path[-1] if isinstance(path[-1], int) else "new"
    for edit in (Edit(kind="remove", path=path), Edit(kind="insert", path=(*path[:-1], key), value=value)):
        try:
            after = spliced(text, edit)
        except SpliceError:
            assert edit.kind == "remove" or isinstance(key, int)  # a new key has a place always
            continue
        common = shared(text, after) + shared(text[::-1], after[::-1])
        emptied = edit.kind == "remove" and ("{}" in after or "[]" in after)
        assert common >= min(len(text), len(after)) - (3 if emptied else 0)


@given(data=DATA.filter(lambda data: isinstance(data, dict | list)))
def test_data_written_anew_reads_as_it_was(data: JsonValue) -> None:
    """In brackets, and on lines."""
    lines = block_lines(data, indent=0, lead="k:", width=20)

    assert identical(parse_yaml("\n".join(lines) + "\n").data, {"k": data})
    assert identical(parse_yaml(f"k: {flow_text(data)}").data, {"k": data})
