"""A miss: the explanation of a request that no scripted answer fits."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.claude.prompt import content_text, prompt_text
from e2i_eval.core.suggestion import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.claude.script import ScriptEntry
    from e2i_eval.core.exchange import Exchange
    from e2i_eval.core.json_value import JsonObject

__all__ = ["Miss", "entry_text"]

EXCERPT_CHARS = 60
MAX_DIFF_LINES = 40
MAX_DIFF_CHARS = 20_000
"""Longer prompts are compared by their beginnings: difflib is quadratic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """A request that nothing answers.

    Attributes:
        where: the case file or the case id.
        exchange: the request, as far as it got.
        unused: entries that still have answers left, in order.
        earlier: the exchanges before it, in order.
    """

    where: str
    exchange: Exchange
    unused: Sequence[ScriptEntry]
    earlier: Sequence[Exchange]

    @property
    def line(self) -> int:
        """Line of the entry that comes nearest; 0 when there is none."""
        entry = self._nearest_entry()
        return entry.answer.line if entry else 0

    def __str__(self) -> str:
        parts = [f"{self.where}: no scripted answer fits {self.exchange} of {self.exchange.model or 'no model'}"]
        parts += [self._retry_hint(), self._unused_list(), self._node_hint(), self._diff(), self._fix()]
        return "\n".join(part for part in parts if part)

    def _retry_hint(self) -> str:
        if not self.exchange.attempt:
            return ""
        return "  It is the SDK's retry of a call that failed: give the failing entry `times` for each attempt."

    def _unused_list(self) -> str:
        if not self.unused:
            return "  unused answers: none"
        return "\n".join(["  unused answers:", *(f"    - {entry_text(entry)}" for entry in self.unused)])

    def _node_hint(self) -> str:
        node = self.exchange.caller.node
        names = sorted({entry.answer.node for entry in self.unused if entry.answer.node})
        if node is None or node in names:
            return ""
        near = nearest(node, names, count=1)
        return f"  did you mean node {near[0]!r} to be {node!r}?" if near else ""

    def _diff(self) -> str:
        prompt = prompt_text(self.exchange.request)
        entry = self._nearest_entry()
        if entry is not None and entry.answer.contains is not None:
            wanted = entry.answer.contains
            return _diff(
                wanted, _nearest_lines(wanted, prompt), f"contains of {_place(entry)}", "nearest in the prompt"
            )
        before = self._nearest_exchange()
        if before is not None:
            return _diff(prompt_text(before.request), prompt, f"prompt of {before}", f"prompt of {self.exchange}")
        return _diff("", prompt, "no earlier prompt", f"prompt of {self.exchange}")

    def _fix(self) -> str:
        node = self.exchange.caller.node
        return f"  fix: add an entry to `claude:`, e.g. {{{f'node: {node}, ' if node else ''}text: ...}}"

    def _nearest_entry(self) -> ScriptEntry | None:
        """Return the entry for this caller (or for anybody) whose text is most like the prompt."""
        node = self.exchange.caller.node
        mine = [entry for entry in self.unused if entry.answer.contains and entry.answer.node in {node, None}]
        prompt = prompt_text(self.exchange.request)
        return max(mine, key=lambda entry: _likeness(entry.answer.contains or "", prompt), default=None)

    def _nearest_exchange(self) -> Exchange | None:
        node = self.exchange.caller.node
        return next((item for item in reversed(self.earlier) if item.caller.node == node), None)


def entry_text(entry: ScriptEntry) -> str:
    """Return a line that lets a person find ``entry`` and know it again."""
    answer = entry.answer
    who = f"node {answer.node}" if answer.node else "any node"
    wants = f", contains {_excerpt(answer.contains)}" if answer.contains else ""
    uses = f", used {entry.used} of {answer.times} times" if answer.times > 1 else ""
    return f"{_place(entry)} ({who}{wants}{uses}): {_what(entry)}"


def _what(entry: ScriptEntry) -> str:
    answer = entry.answer
    if answer.error is not None:
        return f"error {answer.error.status}"
    said = _excerpt(content_text([_said(block) for block in answer.content]))
    return f"{answer.fault} after {said}" if answer.fault else said


def _said(block: JsonObject) -> JsonObject:
    return {"text": f"{block.get('name')}()"} if block.get("type") == "tool_use" else block


def _place(entry: ScriptEntry) -> str:
    return f"line {entry.answer.line}" if entry.answer.line else f"answer {entry.position + 1}"


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= EXCERPT_CHARS else f"{flat[: EXCERPT_CHARS - 1]}…")


def _likeness(wanted: str, prompt: str) -> float:
    return difflib.SequenceMatcher(None, wanted, _nearest_lines(wanted, prompt), autojunk=False).ratio()


def _nearest_lines(wanted: str, prompt: str) -> str:
    """Return as many lines of ``prompt`` as ``wanted`` has, those that are most like it."""
    lines = prompt[:MAX_DIFF_CHARS].splitlines() or [""]
    size = max(1, len(wanted.splitlines()))
    windows = ["\n".join(lines[start : start + size]) for start in range(max(1, len(lines) - size + 1))]
    return max(windows, key=lambda window: difflib.SequenceMatcher(None, wanted, window).quick_ratio())


def _diff(before: str, after: str, before_name: str, after_name: str) -> str:
    old, new = before[:MAX_DIFF_CHARS].splitlines(), after[:MAX_DIFF_CHARS].splitlines()
    lines = list(difflib.unified_diff(old, new, before_name, after_name, lineterm="", n=1))
    if not lines:
        return f"  The prompt is the same as the {before_name}."
    shown = lines[:MAX_DIFF_LINES]
    if len(lines) > len(shown):
        shown.append(f"... {len(lines) - len(shown)} more lines")
    return "\n".join(f"    {line}" for line in shown)
