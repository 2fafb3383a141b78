"""Fixing: the smallest edits that make the expectations of a case say what was observed.

What an expectation leaves open stays open: a range stays a range and only its broken bound moves, a tolerance stays,
and what was written as a pattern or a choice is left to a person.
"""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING

from e2i_eval.checks.compare.comparison import EXACT, ComparisonRules, is_number
from e2i_eval.checks.compare.data_path import NOTHING, value_at
from e2i_eval.checks.expectations.rule_breach import breaches, text_breaches
from e2i_eval.dataset.update.change import Change, Edit
from e2i_eval.dataset.update.edited import edited, edits_between, value_of
from e2i_eval.dataset.update.observed import observed_nodes, observed_spending, observed_tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from e2i_eval.checks.expectations.spending import Price
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.json_value import JsonObject, JsonValue
    from e2i_eval.dataset.update.change import KeyPath

__all__ = ["HAND", "Fixed", "NeedsHandError", "fixes"]

Fixed = Change | tuple[str, str]
"""A change; or the dotted path of what needs a hand, and why."""

HAND = "needs your hand"
DIGITS = 6
"""A bound is moved outwards to so many digits: the last ones are another machine's tomorrow."""


class NeedsHandError(Exception):
    """An expectation that failed cannot be changed by rule; the message says why."""


def fixes(evidence: Evidence, expect: JsonObject, failed: Sequence[str], price: Price | None) -> Iterator[Fixed]:
    """Yield what makes the expectations of the ``failed`` checks true.

    Args:
        evidence: of the case.
        expect: the key ``expect`` as the file has it.
        failed: names of the golden checks that failed.
        price: US dollars of a usage.
    """
    makers: Mapping[str, Callable[[], Iterator[Fixed]]] = {
        "output": lambda: _output(evidence, expect["output"]),
        "values": lambda: _values(evidence, expect["values"]),
        "nodes": lambda: _nodes(evidence, expect["nodes"]),
        "tools": lambda: _tools(evidence, expect["tools"]),
        "metrics": lambda: _logged("metrics", evidence, expect["metrics"]),
        "params": lambda: _logged("params", evidence, expect["params"]),
        "tags": lambda: _logged("tags", evidence, expect["tags"]),
        "budget": lambda: _budget(evidence, expect["budget"], price),
        "completed": lambda: _error(evidence, expect["error"]),
    }
    for name in failed:
        if name in makers:
            yield from makers[name]()
        else:
            yield f"expect.{name}", f"{HAND}: no rule says how to change it"


def _change(edit: Edit, before: JsonValue, reason: str) -> Change:
    return Change(kind="fix", edit=edit, before=before, reason=reason)


def _edits(
    path: KeyPath, before: JsonValue, after: JsonValue, comparison: ComparisonRules, reason: str
) -> Iterator[Change]:
    """Yield the edits from one value to another, beneath ``path``."""
    data = before
    for edit in edits_between(before, after, comparison):
        old = None if edit.kind == "insert" else value_of(data, edit.path)
        data = edited(data, edit)
        moved = Edit(kind=edit.kind, path=(*path, *edit.path), value=edit.value, after=edit.after)
        yield _change(moved, old, reason)
    if not comparison.same(data, after):
        message = "the differences cannot be listed one by one"
        raise NeedsHandError(message)


def _output(evidence: Evidence, expected: JsonValue) -> Iterator[Fixed]:
    expect = evidence.case.expect
    comparison = ComparisonRules.of(
        tolerance=expect.tolerance,
        ignore_order=expect.ignore_order,
        ignore=expect.ignore,
        ignore_regex=expect.ignore_regex,
    )
    now = comparison.arranged(expected, evidence.run.output) if expect.ignore_order else evidence.run.output
    try:
        yield from list(_edits(("expect", "output"), expected, now, comparison, "the output is another one"))
    except NeedsHandError as error:
        yield "expect.output", f"{HAND}: {error}"


def _values(evidence: Evidence, rules: JsonObject) -> Iterator[Fixed]:
    parsed = evidence.case.expect.values
    for name, rule in rules.items():
        value = value_at(evidence.run.output, name)
        if value is NOTHING:
            yield f"expect.values.{name}", f"{HAND}: the output has no such value; remove or correct the path"
        elif broken := [breach.part for breach in breaches(parsed[name], value)]:
            yield from _rule(("expect", "values", name), rule, broken, value)


def _logged(group: str, evidence: Evidence, rules: JsonObject) -> Iterator[Fixed]:
    parsed = getattr(evidence.case.expect, group)
    judge = breaches if group == "metrics" else text_breaches
    for name, rule in rules.items():
        values = _kept(group, evidence, name)
        key = f"expect.{group}.{name}"
        broken = [breach.part for value in values for breach in judge(parsed[name], value)]
        if not values:
            yield key, f"{HAND}: it is not logged; fix the logging, or remove or correct the name"
        elif broken and len(values) > 1:
            yield key, f"{HAND}: the traces do not agree on its value"
        elif broken:
            now = values[0] if group == "metrics" else _typed_like(rule, values[0])
            yield from _rule(("expect", group, name), rule, broken, now)


def _kept(group: str, evidence: Evidence, name: str) -> list[JsonValue]:
    """Return the distinct values the server has under a name: tags of the traces, or else of the run."""
    if group == "tags":
        on_traces = [trace.tags[name] for trace in evidence.traces or () if name in trace.tags]
        if on_traces:
            return list(dict.fromkeys(on_traces))
    logged = evidence.logged
    held: Mapping[str, JsonValue] = getattr(logged, group) if logged else {}
    return [held[name]] if name in held else []


def _typed_like(rule: JsonValue, text: JsonValue) -> JsonValue:
    """Return a logged text as the kind of value that the file asks for, where it can be read as one."""
    wanted = rule.get("equals", "") if isinstance(rule, dict) else rule
    words: Mapping[str, JsonValue] = {"true": True, "false": False, "none": None, "null": None}
    if (wanted is None or isinstance(wanted, bool)) and str(text).lower() in words:
        return words[str(text).lower()]
    if not is_number(wanted):
        return text
    for kind in (int, float):
        try:
            number = kind(str(text))
        except ValueError:
            continue
        return number if math.isfinite(number) else text
    return text


def _rule(path: KeyPath, rule: JsonValue, broken: Sequence[str], value: JsonValue) -> Iterator[Fixed]:
    """Yield how one rule comes to hold for ``value``."""
    key = ".".join(map(str, path))
    if isinstance(value, float) and not math.isfinite(value):
        yield key, f"{HAND}: {value} is no number to expect"
        return
    if not isinstance(rule, dict):
        if isinstance(value, dict | list):
            yield key, f"{HAND}: the value is a list or a mapping now"
        else:
            yield _change(Edit(kind="replace", path=path, value=value), rule, "it is another value")
        return
    for part in dict.fromkeys(broken):
        if part == "equals":
            yield from _edits((*path, part), rule[part], value, EXACT, "it is another value")
        elif part in {"min", "max"} and is_number(value):
            bound = _outwards(value, is_up=part == "max")
            yield _change(Edit(kind="replace", path=(*path, part), value=bound), rule[part], "the range is widened")
        else:
            yield f"{key}.{part}", f"{HAND}: '{part}' is no value that could be replaced by {value!r}"


def _outwards(value: float, *, is_up: bool) -> float:
    if isinstance(value, int) or value == 0:
        return value
    step = 10.0 ** (math.floor(math.log10(abs(value))) + 1 - DIGITS)
    rounded = (math.ceil if is_up else math.floor)(value / step) * step
    short = float(f"{rounded:.{DIGITS}g}")
    return short if (short >= value if is_up else short <= value) else value


def _nodes(evidence: Evidence, rule: JsonObject) -> Iterator[Fixed]:
    names, order = rule["names"], rule.get("order", "strict")
    ran = observed_nodes(evidence, names)
    if ran is None:
        yield "expect.nodes", f"{HAND}: no trace records which nodes ran"
        return
    now = ran
    if order == "subset":
        blocks = difflib.SequenceMatcher(None, names, ran, autojunk=False).get_matching_blocks()
        now = [name for block in blocks for name in names[block.a : block.a + block.size]]
    elif order == "superset":
        now = [*names, *dict.fromkeys(name for name in ran if name not in names)]
    elif order == "unordered":
        now = _counted(names, ran)
    yield from _edits(("expect", "nodes", "names"), names, now, EXACT, "other nodes ran")


def _counted(names: Sequence[str], ran: Sequence[str]) -> list[str]:
    """Return what ran, as far as possible in the order of ``names``."""
    left, kept = list(ran), []
    for name in names:
        if name in left:
            left.remove(name)
            kept.append(name)
    return [*kept, *left]


def _tools(evidence: Evidence, rules: Sequence[JsonObject]) -> Iterator[Fixed]:
    names = [rule["name"] for rule in rules]
    called = observed_tools(evidence, names)
    matcher = difflib.SequenceMatcher(None, names, [call["name"] for call in called], autojunk=False)
    now: list[JsonObject] = list(called)
    for block in matcher.get_matching_blocks():
        for at in range(block.size):
            now[block.b + at] = _like(rules[block.a + at], called[block.b + at])
    yield from _edits(("expect", "tools"), list(rules), now, EXACT, "Claude made other tool calls")


def _like(rule: JsonObject, call: JsonObject) -> JsonObject:
    """Return a call as its rule puts it: what the rule leaves open stays open."""
    return {**rule, "input": call.get("input", {})} if "input" in rule else dict(rule)


def _budget(evidence: Evidence, limits: JsonObject, price: Price | None) -> Iterator[Fixed]:
    used = observed_spending(evidence, price)
    for name, limit in limits.items():
        path = ("expect", "budget", name)
        if name == "latency_ms":
            if evidence.run.duration_s * 1_000 > limit:
                yield ".".join(path), f"{HAND}: latency is another one in every run"
        elif name not in used:
            yield ".".join(path), f"{HAND}: what was used is not known"
        elif used[name] > limit:
            now = _outwards(used[name], is_up=True)
            yield _change(Edit(kind="replace", path=path, value=now), limit, "the limit is raised to what was used")


def _error(evidence: Evidence, rule: JsonObject) -> Iterator[Fixed]:
    error = evidence.run.error
    if error is None:
        yield "expect.error", f"{HAND}: the target returned and did not raise {rule['type']}"
    elif rule["type"].rpartition(".")[2] not in {error.type, *error.bases}:
        edit = Edit(kind="replace", path=("expect", "error", "type"), value=error.type)
        yield _change(edit, rule["type"], "another error was raised")
    else:
        yield "expect.error.contains", f"{HAND}: the message is another one: {error.message!r}"
