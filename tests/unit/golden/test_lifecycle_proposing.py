"""What the evaluation of a case would change in its file."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from e2i_eval.checks import judge as judged
from e2i_eval.checks.expectations import golden_checks
from e2i_eval.core.case import Expectation
from e2i_eval.core.evidence import Evidence
from e2i_eval.core.exchange import Caller, Exchange, WireError, WireNote
from e2i_eval.core.json_codec import from_json, to_json
from e2i_eval.core.run import Run, RunError
from e2i_eval.core.verdict import Verdict
from e2i_eval.dataset.case_file.yaml_document import parse_yaml
from e2i_eval.dataset.update.fixing import fixes
from e2i_eval.dataset.update.plan import digest_of, plan_of
from e2i_eval.dataset.update.proposal import Proposal
from e2i_eval.dataset.update.proposing import ObservedRepetition, ReadFile, propose

if TYPE_CHECKING:
    from e2i_eval.core.case import Case
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.core.trace import Logged, Trace
    from e2i_eval.dataset.update.change import ChangeKind

FILE = "golden/cases/support/refund.yaml"
HEAD = "schema: 1\ninputs: {q: 1}\n"
WISHES: tuple[ChangeKind, ...] = ("create", "fix", "trim")


class Fixed:
    """What became of a file: its new text, and what was left to a person."""

    def __init__(self, text: str, proposal: Proposal | None) -> None:
        self.proposal = from_json(Proposal, to_json(proposal)) if proposal else None  # as it comes from a worker
        plan = plan_of(self.proposal, lambda _: text.encode()) if self.proposal else None
        self.text = (plan.after or b"").decode() if plan else text
        self.remarks = [remark.text for remark in plan.remarks] if plan else []


Try: TypeAlias = Callable[..., Fixed]


@pytest.fixture
def attempt(read_text: Callable[..., Case]) -> Try:
    """Evaluate a case file by made-up evidence, and make the changes that are proposed."""

    def run_it(
        text: str,
        *outputs: JsonValue,
        verdicts: tuple[Verdict, ...] = (),
        planned: int | None = None,
        error: RunError | None = None,
        **more: Any,  # noqa: ANN401  any field of Evidence
    ) -> Fixed:
        text = textwrap.dedent(text)
        case = read_text(text)
        runs = []
        for output in outputs or (None,):
            run = Run(output=output, error=error, started_at_s=0.0, duration_s=0.1)
            evidence = Evidence(case=case, run=run, **more)
            found = judged(golden_checks(case), evidence)
            runs.append(ObservedRepetition(evidence=evidence, verdicts=(*found, *verdicts)))
        file = ReadFile(path=FILE, digest=digest_of(text.encode()), data=parse_yaml(text).data)
        proposal = propose(runs, file, wishes=WISHES, planned=planned or len(runs), price=None)
        return Fixed(text, proposal)

    return run_it


@pytest.mark.parametrize(
    ("before", "after", "output"),
    [
        ("output: {a: 1, b: 'x'}  # c", "output: {a: 1, b: 'y'}  # c", {"a": 1, "b": "y"}),
        ("output: [1, 2, 3]", "output: [1, 3]", [1, 3]),
        ("output: [1, 3]", "output: [1, 2, 3]", [1, 2, 3]),
        ("output: {a: 1.0}\n  tolerance: {rel: 0.1}", "output: {a: 2.0}\n  tolerance: {rel: 0.1}", {"a": 2.0}),
        ("output: [1, 1.0]\n  tolerance: {abs: 1}", "output: [3, 1.0]\n  tolerance: {abs: 1}", [3, 1.5]),
        ("output: [a, b]\n  ignore_order: true", "output: [a, c]\n  ignore_order: true", ["c", "a"]),
        ("output: {a: 1, i: 7}\n  ignore_regex: [i]", "output: {a: 2, i: 7}\n  ignore_regex: [i]", {"a": 2, "i": 9}),
        ("output: {a: 1}", "output: {}", {}),
        ("values: {a: 1, b: 2}", "values: {a: 1, b: 3}", {"a": 1, "b": 3}),
        ("values: {a: {equals: [1, 2]}}", "values: {a: {equals: [1, 3]}}", {"a": [1, 3]}),
        ("values: {a: {min: 0.5, max: 1}}", "values: {a: {min: 0.123456, max: 1}}", {"a": 0.12345678}),
        ("values: {a: {min: 0, max: 0.5}}", "values: {a: {min: 0, max: 0.876544}}", {"a": 0.876543219}),
    ],
)  # fmt: skip
def test_the_smallest_edit_makes_it_true(attempt: Try, before: str, after: str, output: JsonValue) -> None:
    """One leaf, one item, one bound; ranges and tolerances stay what they are."""
    fixed = attempt(f"{HEAD}expect:\n  {before}\n", output)

    assert fixed.text == f"{HEAD}expect:\n  {after}\n"
    assert fixed.remarks == []


@pytest.mark.parametrize(
    ("expect", "output", "said"),
    [
        ("values: {a: {contains: x}}", {"a": "y"}, "'contains' is no value that could be replaced"),
        ("values: {a: {matches: '^x'}}", {"a": "y"}, "'matches' is no value"),
        ("values: {a: {one_of: [x]}}", {"a": "y"}, "'one_of' is no value"),
        ("values: {a: {min: 1}}", {"a": "y"}, "'min' is no value"),
        ("values: {a: 1}", {}, "the output has no such value"),
        ("metrics: {m: 1}", None, "it is not logged"),
        ("budget: {latency_ms: 1}", None, "latency is another one in every run"),
        ("error: {type: ValueError}", None, "the target returned and did not raise ValueError"),
    ],
)
def test_what_no_rule_can_change_needs_a_hand(
    attempt: Try, logged: Callable[..., Logged], expect: str, output: JsonValue, said: str
) -> None:
    """A pattern, a choice, what is gone and what varies are never turned into something else."""
    text = f"{HEAD}expect: {{{expect}}}\n"

    fixed = attempt(text, output, traces=(), logged=logged())

    assert fixed.text == text
    assert any(said in remark and remark.startswith("needs your hand") for remark in fixed.remarks)


@pytest.mark.parametrize(
    ("order", "names", "expected"),
    [
        ("strict", "[load, act, answer]", "[load, answer]"),
        ("unordered", "[answer, load, x]", "[answer, load]"),
        ("subset", "[load, x, answer]", "[load, answer]"),
        ("superset", "[load, y]", "[load, y, answer]"),
    ],
)
def test_nodes_keep_what_their_order_leaves_open(
    attempt: Try, node_trace: Callable[..., Trace], order: str, names: str, expected: str
) -> None:
    """A subset loses what did not run, a superset gains what did."""
    trace = node_trace(("1", "graph", "load", 1), ("2", "graph", "answer", 2))
    text = f"{HEAD}expect:\n  nodes: {{order: {order}, names: %s}}  # n\n"

    fixed = attempt(text % names, None, traces=(trace,))

    assert fixed.text == text % expected


def test_tools_keep_what_a_rule_leaves_open(attempt: Try, exchange: Callable[..., Exchange]) -> None:
    """An input that was not named stays unnamed; one that was changes in the leaf that differs."""
    text = f"{HEAD}expect:\n  tools: [{{name: a}}, {{name: b, input: {{x: 1, y: 2}}}}]\n"

    fixed = attempt(text, None, exchanges=(exchange(("a", {"z": 1}), ("b", {"x": 1, "y": 3}), ("c", {"k": 1})),))

    assert fixed.text == text.replace("y: 2}}]", "y: 3}}, {name: c, input: {k: 1}}]")


def test_logged_texts_keep_the_type_of_the_file(attempt: Try, logged: Callable[..., Logged]) -> None:
    """A parameter is text on the server; a number in the file stays one."""
    text = f"{HEAD}expect: {{params: {{t: 0.2, s: true, m: old}}, metrics: {{g: {{min: 0.5}}}}}}\n"
    kept = logged(params={"t": "0.3", "s": "False", "m": "new"}, metrics={"g": 0.25})

    fixed = attempt(text, None, logged=kept)

    assert fixed.text == f"{HEAD}expect: {{params: {{t: 0.3, s: false, m: new}}, metrics: {{g: {{min: 0.25}}}}}}\n"


@pytest.mark.parametrize("check", ["logging", "trace", "secrets", "flush", "recording", "test"])
@pytest.mark.parametrize("status", ["fail", "error"])
def test_what_the_log_got_wrong_is_never_expected(attempt: Try, check: str, status: Any) -> None:  # noqa: ANN401  a status
    """While a check of the platform does not pass, nothing of the case is changed, and it says which."""
    text = f"{HEAD}expect: {{output: 1}}\n"

    fixed = attempt(text, 2, verdicts=(Verdict(check=check, status=status, reason="it is wrong"),))

    assert fixed.text == text
    assert f"the check '{check}' says {status}" in fixed.remarks[0]


def test_a_golden_check_that_could_not_judge_stops_it(attempt: Try) -> None:
    """Without an answer of the server the metrics are unknown, not gone."""
    text = f"{HEAD}expect: {{output: 1, metrics: {{m: 1}}}}\n"

    fixed = attempt(text, 2, unknown="the server is gone")

    assert fixed.text == text
    assert "could not judge" in fixed.remarks[0]


def test_an_unknown_kind_of_expectation_needs_a_hand(make_evidence: Callable[..., Evidence]) -> None:
    """One that this module has no rule for is said; a new kind of check is never a silent pass."""
    (found,) = fixes(make_evidence(Expectation()), {"strange": 1}, ["strange"], None)

    assert found == ("expect.strange", "needs your hand: no rule says how to change it")


def test_one_that_needs_a_hand_does_not_keep_the_others(attempt: Try) -> None:
    """The output is fixed, the nodes are left to a person."""
    fixed = attempt(f"{HEAD}expect:\n  output: 1\n  nodes: {{names: []}}\n", 2, traces=())

    assert fixed.text == f"{HEAD}expect:\n  output: 2\n  nodes: {{names: []}}\n"
    assert "no trace records" in fixed.remarks[0]


def test_without_an_answer_of_claude_nothing_is_learned(attempt: Try) -> None:
    """What the target made of a missing answer is not what it has to do; it says what to write."""
    failed = Exchange(
        index=0, call=0, attempt=0, caller=Caller(node="plan"), started_at_s=0.0, duration_s=0.1, usage=None,
        request={}, response=None, status=None, error=WireError(type="ScriptMiss", message="none"),
    )  # fmt: skip
    note = WireNote(kind="miss", message="nothing fits")
    wire = Verdict(check="wire", status="fail", reason="miss")

    fixed = attempt(HEAD, 2, verdicts=(wire,), notes=(note,), exchanges=(failed,))

    assert fixed.text == HEAD
    assert "{node: plan, text: '...'}" in fixed.remarks[0]
    assert "--e2i-claude=record" in fixed.remarks[0]


def test_a_case_without_expectations_gets_them(
    attempt: Try, node_trace: Callable[..., Trace], exchange: Callable[..., Exchange]
) -> None:
    """Before its tags, from what was observed, and it passes by the same evidence."""
    trace = node_trace(("1", "graph", "load", 1))
    call = exchange(("find", {"id": 7}))

    fixed = attempt(f"{HEAD}# about\ntags: [x]\n", {"a": "b"}, traces=(trace,), exchanges=(call,))

    assert fixed.text == HEAD + (
        "expect:\n  output: {a: b}\n  nodes: {order: strict, names: [load]}\n  tools:\n"
        "    - {name: find, input: {id: 7}}\n  budget: {calls: 1}\n# about\ntags: [x]\n"
    )


def test_what_differs_between_repetitions_is_not_expected(attempt: Try) -> None:
    """Created expectations ignore it; failed ones are left to a person, as when too few ran to know."""
    created = attempt(HEAD, {"a": 1, "at": 1}, {"a": 1, "at": 2})
    text = f"{HEAD}expect: {{output: 1}}\n"

    assert "ignore: [\"root['at']\"]" in created.text
    assert attempt(text, 2, 2).text == text.replace("output: 1", "output: 2")
    for fixed in (attempt(text, 2, 3), attempt(text, 2, 1), attempt(text, 2, planned=3)):
        assert fixed.text == text
        assert "repetitions" in fixed.remarks[0]


def test_what_plays_no_part_is_removed(attempt: Try, exchange: Callable[..., Exchange]) -> None:
    """Answers nobody asked for and paths that match nothing; not when anything else is wrong."""
    text = """\
        schema: 1
        inputs: {}
        claude:
          - {text: a}  # used
          - {text: b}
          # stays
        expect:
          output: {a: 1, c: 1}
          ignore: ["root['gone']"]
          ignore_regex: [b$, "a'"]
        """
    notes = (WireNote(kind="leftover", message="nobody asked", line=5),)
    left_over = Verdict(check="wire", status="fail", reason="leftover")
    told: dict[str, Any] = {"verdicts": (left_over,), "notes": notes, "exchanges": (exchange(),)}

    trimmed = attempt(text, {"a": 1, "c": 1}, **told)
    wrong = attempt(text, {"a": 1, "c": 2}, **told)

    expected = textwrap.dedent(text).replace("  - {text: b}\n", "").replace("  ignore: [\"root['gone']\"]\n", "")
    assert trimmed.text == expected.replace("[b$, ", "[")
    assert "{text: b}" in wrong.text
    assert "c: 2" in wrong.text


def test_a_secret_does_not_come_into_a_file(attempt: Try) -> None:
    """Not even when the target put it into its output."""
    text = f"{HEAD}expect: {{output: {{a: x}}}}\n"

    fixed = attempt(text, {"a": "my-password-1"}, secrets=("my-password-1",))

    assert fixed.text == text
    assert "secret" in fixed.remarks[0]
    assert "my-password-1" not in str(fixed.proposal)


def test_a_file_that_changed_meanwhile_is_not_touched(attempt: Try) -> None:
    """Neither is one that is gone."""
    proposal = attempt(f"{HEAD}expect: {{output: 1}}\n", 2).proposal
    assert proposal is not None
    for now in (b"schema: 1\n", None):
        plan = plan_of(proposal, lambda _, now=now: now)  # type: ignore[misc]

        assert not plan.is_change
        assert "changed while the cases ran" in plan.remarks[-1].text


def test_a_byte_order_mark_and_a_schema_line_survive(attempt: Try) -> None:
    """A created file gets the line that editors look for, once."""
    proposal = attempt(HEAD, 1).proposal
    assert proposal is not None
    for head in ("", "\ufeff"):
        data = (head + HEAD).encode()
        told = from_json(Proposal, {**to_json(proposal), "digest": digest_of(data)})
        after = (plan_of(told, lambda _, data=data: data, schema="../s.json").after or b"").decode()  # type: ignore[misc]

        assert after.startswith(f"{head}# yaml-language-server: $schema=../s.json\nschema: 1")
