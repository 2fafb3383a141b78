"""What is wrong in a case file is told with its line and what to type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.errors import CaseFileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.case import Case

FILE = "golden/cases/support/refund.yaml"
HEAD = "schema: 1\ninputs: {}\n"


def complaint(read_text: Callable[..., Case], text: str | bytes) -> str:
    """Return what is said about ``text``, the file's name left out."""
    with pytest.raises(CaseFileError) as error:
        read_text(text)
    return str(error.value).replace(f"{FILE}:", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1: the file is empty\n  fix: begin with 'schema: 1' and 'inputs:'"),
        ("- 1\n", "1: a case is a mapping of keys, not a list\n  fix: begin with 'schema: 1' and 'inputs:'"),
        ("schema: 1\ninputs:\n\ta: 1\n", "3: a tab cannot indent YAML\n  fix: replace the tab by spaces"),
        (
            "schema: 1\ninputs: {a: b: c}\n",
            (
                "2: not valid YAML: while parsing a flow mapping: expected ',' or '}', but got ':'\n"
                "  fix: check the indentation and the quotes here"
            ),
        ),
        (
            "schema: 1\ndescription: see: this\ninputs: {}\n",
            (
                "2: not valid YAML: mapping values are not allowed here\n"
                "  fix: put a text that contains ': ' in quotes, and each key on its own line"
            ),
        ),
        (
            'schema: 1\ninputs: {a: "x}\n\n\n',
            (
                "5: not valid YAML: while scanning a quoted scalar: found unexpected end of stream "
                "(it began on line 2)\n  fix: close the quotes"
            ),
        ),
        (
            HEAD + "---\nschema: 1\n",
            (
                "3: not valid YAML: expected a single document in the stream: but found another document "
                "(it began on line 1)\n  fix: keep one case a file: remove the line '---'"
            ),
        ),
        (
            "schema: 1\ninputs: {a: *b}\n",
            ("2: not valid YAML: found undefined alias 'b'\n  fix: define it with & above, or put the text in quotes"),
        ),
        (HEAD + "inputs: {}\n", "3: key 'inputs' is given twice, first on line 2\n  fix: keep one of them"),
        ("schema: 1\ninputs: {1: a}\n", '2: key 1 is not text\n  fix: write it in quotes: "1"'),
        (
            "schema: 1\ninputs: {a: !!binary eHg=}\n",
            ("2: the YAML tag !!binary stands for no JSON value\n  fix: put the text in quotes"),
        ),
        ("schema: 1\ninputs: &a {a: *a}\n", "2: the anchor contains itself\n  fix: write the value out"),
        (
            'schema: 1\ninputs: {a: "\\ud800"}\n',
            ("2: the text has half of a surrogate pair, which is no character\n  fix: put the text in quotes"),
        ),
        ('schema: 1\ninputs: {a: "\\U00110000"}\n', "2: an escape here stands for no Unicode character"),
        ("schema: 1\ninputs: {a: 1e999}\n", "2: 1e999 is too large for a number\n  fix: put the text in quotes"),
        (b"schema: 1\ninputs: {a: \xff}\n", "2: byte 0xff is not valid UTF-8\n  fix: save the file as UTF-8"),
        (b"schema: 1\ninputs: {a: \x00}\n", "2: the control character U+0000 is no text"),
    ],
)
def test_what_is_no_json_in_yaml_is_told(read_text: Callable[..., Case], text: str | bytes, said: str) -> None:
    """Syntax, encoding, duplicate and odd keys."""
    assert complaint(read_text, text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("inputs: {}\n", "1: key 'schema' is missing\n  fix: write 'schema: 1' as the first line"),
        ("schema: 1\n", "1: key 'inputs' is missing\n  fix: add 'inputs:'"),
        (
            "schema: 2\noutputs: {}\n",
            (
                "1: schema 2 is newer than schema 1, which this version of e2i-eval reads\n"
                "  fix: update e2i-eval, or rewrite the file with 'schema: 1'"
            ),
        ),
        ("schema: 0\ninputs: {}\n", "1: there is no schema 0; the first is 1\n  fix: write 'schema: 1'"),
        ("schema: true\ninputs: {}\n", "1: schema must be the whole number 1, not true\n  fix: write 'schema: 1'"),
        ("schema: 1.0\ninputs: {}\n", "1: schema must be the whole number 1, not 1.0\n  fix: write 'schema: 1'"),
        ("schema: 1\ninputs: [1]\n", "2: inputs must be a mapping, not [1]"),
        (
            HEAD + "target: x\n",
            ("3: unknown key 'target'\n  fix: the folder under cases/ names the target; remove the key"),
        ),
        (HEAD + "tags: [1]\n", '3: tags.0 must be text, not 1\n  fix: put it in quotes: "1"'),
        (HEAD + "expect: {outptu: 1}\n", "3: unknown key 'outptu' in 'expect', did you mean 'output'?"),
        (
            HEAD + "expect:\n  nodes: {zzz: 1, names: []}\n",
            "4: unknown key 'zzz' in 'expect.nodes'\n  fix: known here: 'order', 'names'",
        ),
        (
            HEAD + "expect: {nodes: {order: strickt, names: [a]}}\n",
            (
                "3: expect.nodes.order must be one of 'strict', 'subset', 'superset', 'unordered', not \"strickt\", "
                "did you mean 'strict'?"
            ),
        ),
        (
            HEAD + "expect: {output: 1, ignore_order: yes}\n",
            '3: expect.ignore_order must be true or false, not "yes"\n  fix: write true',
        ),
        (
            HEAD + "expect: {output: 1, ignore: [run_id]}\n",
            "3: expect.ignore.0 is wrong: 'run_id' is no DeepDiff path; write it like root['gaps'][0]['region']",
        ),
        (
            HEAD + "expect: {output: 1, ignore_regex: ['.*']}\n",
            "3: expect.ignore_regex.0 matches 'root', which leaves nothing to compare: '.*'",
        ),
        (
            HEAD + "expect: {output: 1, tolerance: {rel: 2}}\n",
            "3: expect.tolerance.rel must be less than 1, not 2",
        ),
        (
            HEAD + "expect: {budget: {input_tokens: many}}\n",
            '3: expect.budget.input_tokens must be a whole number, not "many"',
        ),
        (
            HEAD + "expect: {budget: {cost_usd: .nan}}\n",
            "3: expect.budget.cost_usd must be a finite number, not NaN",
        ),
        (HEAD + "expect: {budget: {calls: -1}}\n", "3: expect.budget.calls must be greater than or equal to 0, not -1"),
        (HEAD + "expect: {budget: {calls: true}}\n", "3: expect.budget.calls must be a whole number, not true"),
        (
            HEAD + "expect: {metrics: {gap: {mn: 1}}}\n",
            "3: unknown key 'mn' in 'expect.metrics.gap', did you mean 'min'?",
        ),
        (
            HEAD + "expect: {metrics: {gap: [1, 2]}}\n",
            "3: expect.metrics.gap must be a mapping, not [1, 2]\n  fix: write {equals: [1, 2]}",
        ),
        (
            HEAD + "expect: {metrics: {gap: {min: }}}\n",
            "3: expect.metrics.gap.min is empty; give it a value or remove the key",
        ),
        (
            HEAD + "expect: {values: {a: {matches: '('}}}\n",
            (
                "3: expect.values.a.matches is no regular expression: '(' "
                "(missing ), unterminated subpattern at position 0)"
            ),
        ),
        (
            HEAD + "expect: {values: {a: {min: 2, max: 1}}}\n",
            "3: expect.values.a can never hold: min 2 is above max 1\n  fix: swap min and max",
        ),
        (
            HEAD + "expect: {values: {a: {}}}\n",
            (
                "3: expect.values.a is a rule that demands nothing\n"
                "  fix: give it equals, min, max, contains, matches or one_of"
            ),
        ),
        (
            HEAD + "expect: {tolerance: {abs: 1}}\n",
            "3: expect.tolerance has no effect without expect.output\n  fix: remove 'tolerance'",
        ),
        (
            HEAD + "expect: {error: {type: E}, values: {a: 1}}\n",
            (
                "3: expect has both 'error' and 'values', but a target that raises has no output\n"
                "  fix: remove 'values' or 'error'"
            ),
        ),
    ],
)
def test_what_is_no_case_is_told(read_text: Callable[..., Case], text: str, said: str) -> None:
    """Unknown, missing, empty, mistyped and contradictory keys."""
    assert complaint(read_text, text) == said


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{node: a}", "claude.0 says nothing\n  fix: give it text, thinking, tool_use, content, error or fault"),
        (
            "{text: a, content: []}",
            "claude.0 has both 'content' and 'text'\n  fix: move 'text' into 'content'",
        ),
        (
            "{text: a, error: {status: 500}}",
            (
                "claude.0 has both 'error' and 'text', but an HTTP error has no text\n"
                "  fix: make two entries of it, the error first"
            ),
        ),
        ("{error: {status: 200}}", "claude.0.error.status must be greater than or equal to 400, not 200"),
        ("{text: a, times: 0}", "claude.0.times must be greater than or equal to 1, not 0"),
        ("{text: a, delay_s: -1}", "claude.0.delay_s must be greater than or equal to 0, not -1"),
        ("{text: 5}", 'claude.0.text must be text, not 5\n  fix: put it in quotes: "5"'),
        ("{tool_use: {input: {}}}", "key 'name' is missing in 'claude.0.tool_use'\n  fix: add 'name:'"),
        (
            "{tool_use: {name: a, input: {b: [.inf]}}}",
            "claude.0.tool_use.input holds inf, which JSON cannot carry to Claude",
        ),
        (
            "{content: [{type: txt, text: a}]}",
            (
                'claude.0.content.0 is of a kind that is no content block here: {"type": "txt", "text": "a"}\n'
                "  fix: give it type: text, thinking, redacted_thinking or tool_use"
            ),
        ),
        (
            "{text: a, fault: dorp}",
            (
                "claude.0.fault must be one of 'truncate', 'drop', 'error_event', 'connect', "
                "not \"dorp\", did you mean 'drop'?"
            ),
        ),
        (
            "{text: a, usage: {input_tokens: 1}}",
            "key 'output_tokens' is missing in 'claude.0.usage'\n  fix: add 'output_tokens:'",
        ),
        (
            (
                "{text: a, usage: {input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 5, "
                "cache_creation: {ephemeral_5m_input_tokens: 4}}}"
            ),
            (
                "claude.0.usage.cache_creation_input_tokens is 5, but cache_creation sums to 4\n"
                "  fix: leave the total out"
            ),
        ),
        ("{txt: a}", "unknown key 'txt' in 'claude.0', did you mean 'text'?"),
    ],
)
def test_what_claude_cannot_answer_is_told(read_text: Callable[..., Case], entry: str, said: str) -> None:
    """Entries without an answer, with two, or with an impossible one."""
    assert complaint(read_text, f"{HEAD}claude:\n  - {entry}\n") == f"4: {said}"


def test_all_mistakes_of_a_file_are_told_at_once(read_text: Callable[..., Case]) -> None:
    """In order of line; each with its own place and fix."""
    text = "schema: 1\ninputs: {a: 1, a: 2}\nclaude:\n  - {}\nexpect: {budget: {calls: 1.5}}\ntgas: []\n"

    assert complaint(read_text, text) == (
        "2: 4 things are wrong\n"
        "  2: key 'a' is given twice, first on line 2\n"
        "    fix: keep one of them\n"
        "  4: claude.0 says nothing\n"
        "    fix: give it text, thinking, tool_use, content, error or fault\n"
        "  5: expect.budget.calls must be a whole number, not 1.5\n"
        "  6: unknown key 'tgas', did you mean 'tags'?"
    )


def test_a_value_that_could_not_be_read_is_wrong_once(read_text: Callable[..., Case]) -> None:
    """The validator does not complain again about what the parser has refused."""
    said = complaint(read_text, "schema: 1\ninputs: {}\ndescription: !!set {a}\nclaude: [{text: 1e999}]\n")

    assert said.splitlines()[0] == "3: 2 things are wrong"
    assert "must be" not in said


def test_a_bomb_of_aliases_is_refused(read_text: Callable[..., Case]) -> None:
    """Ten levels of ten aliases would be ten thousand million values."""
    levels = [f"l{at}: &l{at} [{', '.join([f'*l{at - 1}'] * 10)}]" for at in range(1, 10)]
    text = "\n".join(["schema: 1", "l0: &l0 [1]", *levels])

    assert complaint(read_text, text) == "1: the file holds more than 100000 values"


@pytest.mark.parametrize("text", ["[" * 3_000, "a: " + "[" * 100 + "]" * 100, "{a: " * 500])
def test_deep_nesting_is_refused(read_text: Callable[..., Case], text: str) -> None:
    """Neither the parser nor the walk runs out of stack."""
    assert "nested" in complaint(read_text, text)
