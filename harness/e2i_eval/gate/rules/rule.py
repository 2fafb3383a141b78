"""A rule of the gate, and its grammar.

``[TARGET/]METRIC:BOUND``, where ``BOUND`` is a limit (``<50``, ``>=0.95``), an allowed change against the baseline
(``+5%``, ``-2%``, ``+1``), or a word (``behaviour:same``, ``prompts:same``, ``latency:ab``, ``METRIC:off``).
"""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn

from e2i_eval.core.errors import UsageError
from e2i_eval.core.suggestion import did_you_mean
from e2i_eval.gate.rules.metric import METRICS, Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = ["Form", "Rule", "parse_rule"]

Form = Literal["limit", "change", "word", "off"]
"""``limit``: an absolute bound. ``change``: an allowed change against the baseline. ``word``: ``same`` or ``ab``.
``off``: takes rules away."""

OFF = "off"
"""Takes a metric's rules of weaker levels away; the summary mentions it, for nothing guards that metric then."""

NUMBER = re.compile(r"\d+(\.\d+)?")
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
"""The longer ones first, so that ``<=`` is not read as ``<``."""

WORDS = {"behaviour": "same", "prompts": "same", "ab": "ab"}
"""What follows the colon of metrics that take neither a limit nor a change."""

FORMER_WORDS = {"ab": "duet"}
"""Earlier words for the same, still read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule.

    Attributes:
        text: as the user wrote it, without the target.
        metric: what it is about.
        form: how it judges.
        sign: ``<``, ``<=``, ``>``, ``>=`` of a limit; ``+`` or ``-`` of a change; empty for a word.
        value: the number behind the sign, a percentage as written; 0 for a word.
        is_percent: the change is a percentage: of the accepted value; of a share, percentage points.
        target: the only target it is for; empty for all.
        where: the place to change it.
    """

    text: str
    metric: Metric
    form: Form
    sign: str = ""
    value: float = 0.0
    is_percent: bool = False
    target: str = ""
    where: str = ""

    @property
    def slot(self) -> tuple[str, Form]:
        """A rule nearer to the user replaces one with the same slot."""
        return self.metric.name, self.form

    @property
    def needs_baseline(self) -> bool:
        """Whether it compares with what was accepted."""
        return self.form == "change" or self.metric.kind in {"behaviour", "prompts"}

    def holds(self, value: float) -> bool:
        """Tell whether ``value`` keeps a limit."""
        return COMPARISONS[self.sign](value, self.value)

    def bound(self, accepted: float) -> float:
        """Return the worst value that a change allows for an accepted one."""
        change = self.allowance * (1 if self.metric.is_bounded or not self.is_percent else abs(accepted))
        return accepted - change if self.metric.worse == "less" else accepted + change

    @property
    def allowance(self) -> float:
        """The size of an allowed change, a percentage as its fraction."""
        return self.value / 100 if self.is_percent else self.value


def parse_rule(text: str, *, where: str, targets: Collection[str]) -> Rule:
    """Read one rule.

    Args:
        text: as the user wrote it.
        where: the place it was written, for errors (``--e2i-gate``, ``pyproject.toml:12``).
        targets: names of the configured targets.

    Raises:
        UsageError: it is no rule, or one that could never fail or never pass.
    """
    return _Parser(text, where, targets).rule()


class _Parser:
    """Reads a rule from left to right, so that an error can name the character."""

    def __init__(self, text: str, where: str, targets: Collection[str]) -> None:
        self._text = text
        self._where = where
        self._targets = targets
        self._at = 0

    def rule(self) -> Rule:
        target = self._target()
        metric = self._metric()
        word = WORDS.get(metric.kind)
        if word or self._text[self._at :] == OFF:
            return self._word(metric, word or OFF, target)
        form, sign = self._sign(metric)
        value = self._number(metric)
        is_percent = form == "change" and self._text[self._at :].startswith("%")
        self._at += is_percent
        self._end(metric)
        rule = Rule(
            text=self._text[len(target) + 1 if target else 0 :],
            metric=metric,
            form=form,
            sign=sign,
            value=value,
            is_percent=is_percent,
            target=target,
            where=self._where,
        )
        self._refuse_senseless(rule)
        return rule

    def _target(self) -> str:
        name, slash, _ = self._text.partition("/")
        if not slash:
            return ""
        if name not in self._targets:
            known = ", ".join(sorted(self._targets))
            self._refuse(f"there is no target '{name}'{did_you_mean(name, self._targets)}", f"use one of {known}")
        self._at = len(name) + 1
        return name

    def _metric(self) -> Metric:
        name, colon, _ = self._text[self._at :].partition(":")
        metric = METRICS.get(name)
        if metric is None:
            what = f"nothing is measured under the name '{name}'{did_you_mean(name, METRICS)}"
            self._refuse(what, f"known: {', '.join(METRICS)}")
        self._at += len(name)
        if not colon:
            self._refuse("a ':' and a bound must follow the metric", f"write for example {metric.example}")
        self._at += 1
        return metric

    def _word(self, metric: Metric, word: str, target: str) -> Rule:
        given = self._text[self._at :]
        if given not in {word, FORMER_WORDS.get(metric.kind), OFF}:
            what = f"{metric.name} takes the word '{word}' alone, or '{OFF}'"
            self._refuse(what, f"write {metric.name}:{word}")
        form: Form = "off" if given == OFF else "word"
        return Rule(text=f"{metric.name}:{given}", metric=metric, form=form, target=target, where=self._where)

    def _sign(self, metric: Metric) -> tuple[Form, str]:
        rest = self._text[self._at :]
        found = next((sign for sign in (*COMPARISONS, "+", "-") if rest.startswith(sign)), "")
        if not found:
            self._refuse("a bound starts with <, <=, >, >=, + or -", f"write for example {metric.example}")
        form: Form = "limit" if found in COMPARISONS else "change"
        if form == "change" and metric.kind in {"overhead", "coverage"}:
            why = "a time is not compared with one of another machine"
            why = why if metric.kind == "overhead" else "a graph is exercised or it is not"
            what = f"{metric.name} has no baseline: {why}"
            self._refuse(what, f"write a limit, for example {metric.example}")
        if found[0] not in {"more": "<+", "less": ">-"}[metric.worse]:
            what = (
                f"{metric.name} gets worse when there is {metric.worse} of it, so '{found}' would allow the worse side"
            )
            if metric.worse == "more" and form == "change":
                what = f"{metric.name} gets worse when it grows, so '{found}' is no allowance"
            self._refuse(what, f"write for example {metric.example}")
        self._at += len(found)
        return form, found

    def _number(self, metric: Metric) -> float:
        match = NUMBER.match(self._text, self._at)
        if match is None:
            self._refuse("a number must stand here", f"write for example {metric.example}")
        self._at = match.end()
        return float(match[0])

    def _end(self, metric: Metric) -> None:
        if rest := self._text[self._at :]:
            self._refuse(f"nothing may follow here, but '{rest}' does", f"write for example {metric.example}")

    def _refuse_senseless(self, rule: Rule) -> None:
        """Refuse a rule that no measurement could break, or none could keep."""
        metric = rule.metric
        ceiling = 1.0 if metric.is_bounded else math.inf
        if rule.form == "change":
            can_fail = metric.worse == "more" or rule.allowance < 1 or not (metric.is_bounded or rule.is_percent)
            can_pass = True
        else:
            can_fail = metric.worse == "more" or not rule.holds(0.0)
            can_pass = rule.holds(0.0 if metric.worse == "more" else ceiling)
        if not can_fail:
            self._refuse(f"'{rule.text}' can never fail, so it guards nothing", f"for example {metric.example}")
        if not can_pass and metric.kind != "overhead":
            self._refuse(f"'{rule.text}' can never pass", f"write for example {metric.example}")

    def _refuse(self, what: str, fix: str) -> NoReturn:
        what = f"gate rule '{self._text}', character {self._at + 1}: {what}"
        raise UsageError(what, where=self._where, fix=fix)
