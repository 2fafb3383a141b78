"""A trace becomes a candidate: scrubbed, told where it comes from, and honest about what it does not know."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.checks.contract import Contract
from e2i_eval.checks.contract.contract import CallRules
from e2i_eval.core.trace import SpanEvent
from e2i_eval.dataset.case_file.yaml_document import parse_yaml
from e2i_eval.dataset.harvest import Candidate, Unfit, candidate_of
from e2i_eval.dataset.harvest.document import case_document, case_text, flaw
from e2i_eval.dataset.harvest.personal import Pseudonyms, secret_kinds

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.trace import Span, Trace


def test_a_case_expects_what_came_out(
    harvested: Callable[..., Candidate],
    trace: Callable[..., Trace],
    model: Callable[..., Span],
    span: Callable[..., Span],
) -> None:
    """Output, nodes and tools of the trace are what the candidate expects, and its origin holds no password."""
    document = case_document(harvested(trace(span("act", node="act", span_id="n"), model(parent="n", at_s=0.1))))

    assert document["inputs"] == {"question": "Where is my refund?"}
    assert document["expect"] == {
        "output": {"answer": "On Monday."},
        "nodes": {"order": "strict", "names": ["act"]},
        "tools": [{"name": "lookup"}],
    }
    assert document["origin"]["tracking_uri"] == "https://mlflow.example"
    assert document["origin"]["at"] == "2026-11-23T14:40:33.000Z"


def test_nodes_beside_each_other_have_no_order(
    harvested: Callable[..., Candidate],
    trace: Callable[..., Trace],
    model: Callable[..., Span],
    span: Callable[..., Span],
) -> None:
    """Two nodes of one step end in any order, and so do the tools they have called."""
    other = {"type": "message", "content": [{"type": "tool_use", "id": "t", "name": "pay", "input": {}}]}
    nodes = (span("left", node="left"), span("right", node="right"))
    expect = case_document(harvested(trace(*nodes, model(), model(outputs=other, at_s=0.1))))["expect"]

    assert expect["nodes"]["order"] == "unordered"
    assert "tools" not in expect


def test_an_error_is_expected_without_what_changes(
    harvested: Callable[..., Candidate], trace: Callable[..., Trace]
) -> None:
    """The request's id is another in every run."""
    message = "Error code: 401 - {'type': 'error', 'request_id': 'req_6c30ba170d29803df8e67432'}"
    event = SpanEvent(name="exception", attributes={"exception.type": "x.AuthError", "exception.message": message})
    candidate = harvested(trace(state="ERROR", events=(event,)))

    assert case_document(candidate)["expect"] == {"error": {"type": "AuthError", "contains": "Error code: 401"}}


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("made at 2026-11-23 14:40:34", "the agent reads the clock"),
        ("made at 2020-01-01 10:00:00", None),
        ("failed: req_4a5bfacd570785c6", "it holds an id that is made anew in every run"),
        ("call [redacted] today", "the logging kept a placeholder"),
    ],
)
def test_what_no_run_can_give_again_is_not_compared(
    harvested: Callable[..., Candidate], trace: Callable[..., Trace], output: str, why: str | None
) -> None:
    """It is left out of the comparison, by path, with the reason in the file; anything else is compared."""
    candidate = harvested(trace(outputs={"note": output}), calls=CallRules(redacted=(r"\[redacted\]",)))
    expect = case_document(candidate)["expect"]

    assert expect.get("ignore") == (["root['note']"] if why else None)
    assert (why or "Not compared") in case_text(candidate, case_document(candidate)) or not why


def test_a_prompt_with_a_placeholder_makes_no_cassette(
    harvested: Callable[..., Candidate], trace: Callable[..., Trace], model: Callable[..., Span]
) -> None:
    """The agent would ask with the whole text, which nobody recorded; unless its inputs have the placeholder too."""
    asked = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 9,
        "tools": [{"name": "lookup"}],
        "messages": [{"role": "user", "content": "Call [redacted]"}],
    }
    rules = CallRules(redacted=(r"\[redacted\]",))
    hidden = harvested(trace(model(inputs=asked)), calls=rules)
    known = harvested(trace(model(inputs=asked), inputs={"question": "Call [redacted]"}), calls=rules)

    assert not hidden.has_cassette
    assert "placeholder" in hidden.missing[0]
    assert known.has_cassette


def test_a_prompt_that_holds_the_day_is_warned_of(
    harvested: Callable[..., Candidate], trace: Callable[..., Trace], model: Callable[..., Span]
) -> None:
    """Tomorrow it is another prompt."""
    asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Today is 2026-11-23."}]}
    candidate = harvested(trace(model(inputs=asked)))

    assert candidate.warnings == ("the agent reads the clock: its prompt holds the day of the trace, 2026-11-23",)


def test_persons_are_replaced_alike_wherever_they_are(
    harvested: Callable[..., Candidate], trace: Callable[..., Trace], model: Callable[..., Span]
) -> None:
    """Inputs and prompt get the same stand-in, so that the agent asks what was recorded."""
    text = "Mail ann@clinic.org or call +1 (212) 555-0147 about patient id 48213."
    asked = {
        "model": "m",
        "max_tokens": 9,
        "tools": [{"name": "lookup"}],
        "messages": [{"role": "user", "content": text}],
    }
    candidate = harvested(trace(model(inputs=asked), inputs={"question": text}))

    assert candidate.inputs["question"] == candidate.calls[0].request["messages"][0]["content"]
    assert "person-1@example.com" in candidate.inputs["question"]
    assert not any(secret in candidate.inputs["question"] for secret in ("clinic", "555", "48213"))
    assert secret_kinds(candidate.searched) == ()


def test_figures_and_dates_are_no_persons() -> None:
    """A scrubber that eats numbers makes every candidate red."""
    text = (
        "ATE 2.746 [2.596, 2.896], p 3.2e-118, n 5000, 2026-11-23, 340 %, tr-0123, 10.5281/zenodo.123456, 1795444833438"
    )

    assert Pseudonyms().text(text) == text


@pytest.mark.parametrize(
    "hidden",
    [
        "sk-ant-\u200bapi03-abcdefgh1234",
        {"npi": 1234567890},
        {"note": '{\\"npi\\": \\"NPI 1234567890\\"}'.replace("NPI 1234567890", "NPI\u00ad 1234567890")},
    ],
)
def test_what_scrubbing_cannot_see_is_refused(hidden: Any) -> None:  # noqa: ANN401  JSON of any form
    """The search looks closer than the scrubber: what it finds keeps the trace out of the repository."""
    assert secret_kinds(Pseudonyms().of(hidden)) != ()


def test_a_trace_without_inputs_makes_no_case(trace: Callable[..., Trace]) -> None:
    """What the target was called with cannot be guessed."""
    found = candidate_of(trace(inputs="free text"), target="support", contract=Contract(), tracking_uri="http://x")

    assert found == Unfit(
        trace_id="tr-0123456789abcdef", why="its root span does not record what the target was called with"
    )


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "1e3",
        "0o7",
        "2026-11-23",
        "null",
        "~",
        " padded ",
        "a: b",
        "# no",
        "two\nlines\n",
        "é\u2028x",
        "-",
        "12:30:45",
    ],
)
def test_a_file_says_what_was_meant(
    harvested: Callable[..., Candidate], trace: Callable[..., Trace], text: str
) -> None:
    """YAML takes many texts for something else: what is read back is what was harvested, or nothing is written."""
    candidate = harvested(trace(inputs={"question": text}, outputs={"answer": text, "n": 1e-7, "x": None}))
    document = case_document(candidate)
    written = case_text(candidate, document)

    assert flaw(document, written) == ""
    assert parse_yaml(written).data == document


def test_the_same_behaviour_has_the_same_digest(
    harvested: Callable[..., Candidate], trace: Callable[..., Trace], model: Callable[..., Span]
) -> None:
    """Ids, times and blanks tell no two traces apart; another answer does."""
    one = harvested(trace(model()))
    again = harvested(trace(model(at_s=1.0), trace_id="tr-ffff", inputs={"question": "where is my  refund?"}))
    other = harvested(trace(model(), outputs={"answer": "On Friday."}))

    assert one.digest == again.digest
    assert one.digest != other.digest
    assert one.name != again.name


def test_wanted_values_are_what_a_failing_case_expects(
    harvested: Callable[..., Candidate], trace: Callable[..., Trace]
) -> None:
    """Told what is right it expects that; untold it holds the wrong output; a target that raised need only return."""
    candidate = harvested(trace())
    raised = replace(candidate, error=harvested(trace(state="ERROR")).error, has_output=False)

    assert case_document(candidate, wanted={"answer": "On Friday."})["expect"] == {
        "values": {"answer": {"equals": "On Friday."}}
    }
    assert case_document(candidate, wanted={})["expect"] == {"wrong_output": {"answer": "On Monday."}}
    assert "expect" not in case_document(raised, wanted={})
