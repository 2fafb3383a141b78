"""The grammar of gate rules."""

from __future__ import annotations

import pytest

from e2i_eval.core.errors import UsageError
from e2i_eval.gate.rules.metric import METRICS
from e2i_eval.gate.rules.rule import Rule, parse_rule
from e2i_eval.gate.rules.rulebook import DEFAULT_RULES, LIVE_DEFAULT_RULES, RuleBook, parse_rules

TARGETS = ("support", "billing")


def read(text: str) -> Rule:
    """Read a rule."""
    return parse_rule(text, where="--e2i-gate", targets=TARGETS)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("overhead_ms:<50", ("limit", "<", 50.0, False, "")),
        ("pass_rate:>=0.95", ("limit", ">=", 0.95, False, "")),
        ("logging_completeness:>=1", ("limit", ">=", 1.0, False, "")),
        ("input_tokens:+0%", ("change", "+", 0.0, True, "")),
        ("pass_rate:-2%", ("change", "-", 2.0, True, "")),
        ("claude_calls:+0", ("change", "+", 0.0, False, "")),
        ("support/cost_usd:+2.5%", ("change", "+", 2.5, True, "support")),
        ("behaviour:same", ("word", "", 0.0, False, "")),
        ("billing/latency:ab", ("word", "", 0.0, False, "billing")),
        ("prompts:off", ("off", "", 0.0, False, "")),
        ("cost_usd:off", ("off", "", 0.0, False, "")),
    ],
)
def test_a_rule_is_read(text: str, parts: tuple[str, str, float, bool, str]) -> None:
    """Each form of the grammar."""
    rule = read(text)

    assert (rule.form, rule.sign, rule.value, rule.is_percent, rule.target) == parts
    assert text.endswith(rule.text)


def test_the_former_word_is_still_read() -> None:
    """``latency:duet`` is the same rule, and stays as it was written."""
    former, now = read("latency:duet"), read("latency:ab")

    assert (former.form, former.metric, former.slot) == (now.form, now.metric, now.slot)
    assert former.text == "latency:duet"


@pytest.mark.parametrize("text", [*DEFAULT_RULES, *LIVE_DEFAULT_RULES, *(each.example for each in METRICS.values())])
def test_defaults_and_examples_are_rules(text: str) -> None:
    """What the product itself proposes can be typed."""
    assert read(text).text == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "input_token:+0%",
            "character 1: nothing is measured under the name 'input_token', did you mean 'input_tokens'?",
        ),
        ("suport/input_tokens:+0%", "character 1: there is no target 'suport', did you mean 'support'?"),
        ("input_tokens", "character 13: a ':' and a bound must follow the metric"),
        ("input_tokens:0%", "character 14: a bound starts with <, <=, >, >=, + or -"),
        ("input_tokens:+x", "character 15: a number must stand here"),
        ("input_tokens:+5%%", "character 17: nothing may follow here, but '%' does"),
        ("input_tokens:+5e3", "character 16: nothing may follow here, but 'e3' does"),
        ("pass_rate:>=0.9%", "character 16: nothing may follow here"),
        ("behaviour:equal", "character 11: behaviour takes the word 'same' alone"),
        ("input_tokens:-5%", "'-' is no allowance"),
        ("pass_rate:+2%", "gets worse when there is less of it"),
        ("pass_rate:<0.5", "gets worse when there is less of it"),
        ("pass_rate:>=0", "'pass_rate:>=0' can never fail"),
        ("pass_rate:-100%", "'pass_rate:-100%' can never fail"),
        ("cache_read_tokens:-100%", "can never fail"),
        ("pass_rate:>1", "'pass_rate:>1' can never pass"),
        ("input_tokens:<0", "'input_tokens:<0' can never pass"),
        ("overhead_ms:+5%", "overhead_ms has no baseline"),
        ("", "character 1: nothing is measured under the name ''"),
    ],
)
def test_what_is_no_rule_is_refused_at_the_door(text: str, said: str) -> None:
    """The error names the character and what to type."""
    with pytest.raises(UsageError) as caught:
        read(text)

    assert said in str(caught.value)
    assert "--e2i-gate" in str(caught.value)
    assert "fix:" in str(caught.value)


def texts(book: RuleBook, target: str) -> list[str]:
    """Return the rules of a target as text."""
    return [rule.text for rule in book.of(target)]


def test_a_nearer_rule_replaces_one_of_the_same_metric_and_form() -> None:
    """Defaults, the file, the file's target, the command line, its target: the later wins."""
    own = {"support": ("pyproject.toml:9", ["input_tokens:+10%"])}
    book = RuleBook(
        levels=(
            parse_rules(["input_tokens:+0%", "pass_rate:-0%", "claude_calls:+0"], where="defaults", targets=TARGETS),
            parse_rules(["pass_rate:>=0.9", "pass_rate:-2%"], where="p", targets=TARGETS, own=own),
            parse_rules(["claude_calls:+1", "billing/claude_calls:+2"], where="flag", targets=TARGETS),
        )
    )

    assert sorted(texts(book, "support")) == [
        "claude_calls:+1",
        "input_tokens:+10%",
        "pass_rate:-2%",
        "pass_rate:>=0.9",
    ]
    assert "claude_calls:+2" in texts(book, "billing")
    assert "input_tokens:+0%" in texts(book, "billing")


def test_off_takes_away_what_is_weaker_and_is_told() -> None:
    """A rule of a stronger level comes back; the summary can say what is not judged."""
    book = RuleBook(
        levels=(
            parse_rules(DEFAULT_RULES, where="defaults", targets=TARGETS),
            parse_rules(["prompts:off", "support/behaviour:off"], where="p", targets=TARGETS),
            parse_rules(["billing/prompts:same"], where="flag", targets=TARGETS),
        )
    )

    assert not {"prompts:same", "behaviour:same"} & set(texts(book, "support"))
    assert {"prompts:same", "behaviour:same"} <= set(texts(book, "billing"))
    assert [rule.text for rule in book.switched_off] == ["prompts:off", "behaviour:off"]


def test_two_rules_that_contradict_each_other_are_refused() -> None:
    """Nobody should have to know which of two wins."""
    with pytest.raises(UsageError, match=r"'input_tokens:\+0%' and 'input_tokens:\+5%'"):
        parse_rules(["input_tokens:+0%", "input_tokens:+5%"], where="--e2i-gate", targets=TARGETS)


def test_a_percentage_of_a_share_is_points_and_of_an_amount_relative() -> None:
    """``-2%`` of a pass rate of .9 allows .88; ``+10%`` of 200 tokens allows 220; ``+1`` of 3 calls allows 4."""
    assert read("pass_rate:-2%").bound(0.9) == pytest.approx(0.88)
    assert read("input_tokens:+10%").bound(200) == pytest.approx(220)
    assert read("claude_calls:+1").bound(3) == 4
    assert read("cache_read_tokens:-50%").bound(100) == 50
