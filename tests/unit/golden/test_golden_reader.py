"""A case file becomes a case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.case import Budget, ErrorRule, NodeRule, ScriptedError, Tolerance, ToolRule, ValueRule
from e2i_eval.core.errors import CaseFileError
from e2i_eval.dataset.case_file.reader import read_case

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2i_eval.core.case import Case

WHOLE = """\
schema: 1
description: A refund.
inputs: {question: "Where is my refund?", at: 2026-01-31, small: 1e-6, no: no, none: ~}
claude:
  - {node: plan, text: look it up, usage: {input_tokens: 120, output_tokens: 12}}
  - node: act
    contains: refund
    thinking: hm
    text: "it is: there"
    tool_use: [{name: lookup_order, input: {order_id: 7}}, {name: note, id: toolu_9}]
    stop_reason: tool_use
    delay_s: 2
    usage:
      input_tokens: 1
      output_tokens: 2
      cache_read_input_tokens: 3
      cache_creation: {ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 5}
  - {error: {status: 529, type: overloaded_error, message: Overloaded, retry_after: 2}, times: 3}
  - {fault: connect}
  - content: [{type: redacted_thinking, data: xyz}, {type: tool_use, name: a, input: {b: null}}]
expect:
  output: {answer: Monday}
  ignore: ["root['run_id']"]
  ignore_regex: ["_at'"]
  ignore_order: true
  tolerance: {rel: 1e-6, abs: 0.5}
  values: {status: ok, ate: {min: 2, max: 3.5}, missing: null}
  nodes: {names: [plan, act]}
  tools: [{name: lookup_order, input: {order_id: 7}}, {name: note}]
  metrics: {confidence: {min: 0.8}}
  params: {model: {one_of: [a, b]}}
  tags: {e2i.brand: {matches: "^K", contains: sq}}
  budget: {input_tokens: 400, calls: 2, cost_usd: 0.01, latency_ms: 2000}
tags: [smoke]
"""


def test_it_reads_every_part_of_the_script(read_text: Callable[..., Case]) -> None:
    """Each entry becomes a scripted answer with the blocks in the order Claude gives them."""
    plan, act, busy, cut, raw = read_text(WHOLE).script

    assert (plan.node, plan.content) == ("plan", ({"type": "text", "text": "look it up"},))
    assert plan.usage == {"input_tokens": 120, "output_tokens": 12}
    assert plan.line == 5
    assert [block["type"] for block in act.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert act.content[3] == {"type": "tool_use", "id": "toolu_9", "name": "note", "input": {}}
    assert (act.contains, act.stop_reason, act.delay_s, act.line) == ("refund", "tool_use", 2.0, 6)
    assert act.usage is not None
    assert act.usage["cache_creation_input_tokens"] == 9
    assert busy.error == ScriptedError(status=529, type="overloaded_error", message="Overloaded", retry_after_s=2.0)
    assert busy.times == 3
    assert cut.fault == "connect"
    assert raw.content[1] == {"type": "tool_use", "name": "a", "input": {"b": None}}


def test_it_reads_every_expectation(read_text: Callable[..., Case]) -> None:
    """Each key under expect becomes its value."""
    expect = read_text(WHOLE).expect

    assert (expect.output, expect.has_output) == ({"answer": "Monday"}, True)
    assert (expect.ignore, expect.ignore_regex, expect.ignore_order) == (("root['run_id']",), ("_at'",), True)
    assert expect.tolerance == Tolerance(rel=1e-6, abs=0.5)
    assert expect.values == {
        "status": ValueRule(equals="ok", has_equals=True),
        "ate": ValueRule(min=2.0, max=3.5),
        "missing": ValueRule(equals=None, has_equals=True),
    }
    assert expect.nodes == NodeRule(order="strict", names=("plan", "act"))
    assert expect.tools == (ToolRule(name="lookup_order", input={"order_id": 7}), ToolRule(name="note"))
    assert expect.params == {"model": ValueRule(one_of=("a", "b"))}
    assert expect.tags == {"e2i.brand": ValueRule(matches="^K", contains="sq")}
    assert expect.budget == Budget(input_tokens=400, calls=2, cost_usd=0.01, latency_ms=2000.0)


def test_it_reads_yaml_as_editors_do(read_text: Callable[..., Case]) -> None:
    """Dates and no are text, 1e-6 is a number: YAML 1.2."""
    inputs = read_text(WHOLE).inputs

    assert inputs == {"question": "Where is my refund?", "at": "2026-01-31", "small": 1e-6, "no": "no", "none": None}


def test_an_expected_error_needs_no_output(read_text: Callable[..., Case]) -> None:
    """The error rule is read."""
    case = read_text("schema: 1\ninputs: {}\nexpect: {error: {type: AuthenticationError, contains: key}}\n")

    assert case.expect.error == ErrorRule(type="AuthenticationError", contains="key")
    assert not case.expect.has_output


def test_null_can_be_expected(read_text: Callable[..., Case]) -> None:
    """An output of null and a value of null are told from none."""
    expect = read_text("schema: 1\ninputs: {}\nexpect: {output: null, values: {a: {equals: null}, b: ~}}\n").expect

    assert (expect.output, expect.has_output) == (None, True)
    assert set(expect.values.values()) == {ValueRule(equals=None, has_equals=True)}
    assert not read_text("schema: 1\ninputs: {}\nexpect: {}\n").expect.has_output


def test_identity_and_lines(read_text: Callable[..., Case]) -> None:
    """The folder names the target, the file the case; every key knows its line."""
    case = read_text(WHOLE)

    assert (case.id, case.target, case.tags) == ("support/refund", "support", ("smoke",))
    assert case.where("expect.tolerance.abs") == "golden/cases/support/refund.yaml:26"
    assert case.where("claude.1.usage.cache_creation.ephemeral_5m_input_tokens").endswith(":17")
    assert case.where("expect.output.answer.deep.er").endswith(":22")


def test_folders_below_the_target_are_part_of_the_name(tmp_path: Path) -> None:
    """The target is the first folder below cases/, also where the word occurs again."""
    path = tmp_path / "golden/cases/support/cases/old/refund.yml"
    path.parent.mkdir(parents=True)
    path.write_text("schema: 1\ninputs: {}\n")

    assert read_case(path, root=tmp_path, known_targets=["support"]).id == "support/cases/old/refund"


def test_the_root_may_be_the_folder_of_the_cases(tmp_path: Path) -> None:
    """Where the relative path does not tell the target, the whole one does; a file outside the root as well."""
    path = tmp_path / "cases/support/refund.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("schema: 1\ninputs: {}\n")

    assert read_case(path, root=tmp_path / "cases", known_targets=["support"]).id == "support/refund"
    assert read_case(path, root=tmp_path / "elsewhere", known_targets=["support"]).path == path


def test_anchors_and_merges_are_read(read_text: Callable[..., Case]) -> None:
    """An alias repeats a value, a merge gives defaults that the mapping's own keys replace."""
    case = read_text(
        "schema: 1\ninputs: &all {a: 1, b: 2}\n"
        "expect:\n  output:\n    <<: [{b: 8, c: 9}, *all]\n    a: 3\n    d: *all\n"
    )

    assert case.expect.output == {"a": 3, "b": 8, "c": 9, "d": {"a": 1, "b": 2}}
    assert case.where("expect.output.a").endswith(":6")


def test_json_escapes_are_read(read_text: Callable[..., Case]) -> None:
    """A surrogate pair is one character, as in JSON."""
    case = read_text('{"schema": 1, "inputs": {"smile": "\\ud83d\\ude00"}}')

    assert case.inputs == {"smile": "\N{GRINNING FACE}"}


def test_a_nan_can_be_expected(read_text: Callable[..., Case]) -> None:
    """The golden says .nan where it means it."""
    output = read_text("schema: 1\ninputs: {}\nexpect: {output: [.nan, .inf, -.inf]}\n").expect.output

    assert [str(number) for number in output] == ["nan", "inf", "-inf"]


def test_a_file_in_no_targets_folder_is_refused(tmp_path: Path) -> None:
    """The message says where to put it."""
    path = tmp_path / "golden/cases/refund.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("schema: 1\ninputs: {}\n")

    with pytest.raises(CaseFileError) as error:
        read_case(path, root=tmp_path, known_targets=["support"])

    assert str(error.value) == (
        "golden/cases/refund.yaml:1: the file is in no target's folder under cases/\n"
        "  fix: move it to cases/<target>/refund.yaml"
    )


def test_an_unknown_target_names_the_known_ones(tmp_path: Path) -> None:
    """The nearest and all known targets are told."""
    path = tmp_path / "golden/cases/suport/refund.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("schema: 1\ninputs: {}\n")

    with pytest.raises(CaseFileError) as error:
        read_case(path, root=tmp_path, known_targets=["support", "billing"])

    assert str(error.value) == (
        "golden/cases/suport/refund.yaml:1: unknown target 'suport', did you mean 'support'?\n"
        "  fix: known targets: 'billing', 'support'; add [tool.e2i_eval.targets.suport]"
    )


def test_two_files_with_one_id_are_refused(tmp_path: Path) -> None:
    """The extension is no part of the id."""
    folder = tmp_path / "cases/support"
    folder.mkdir(parents=True)
    for name in ("refund.yaml", "refund.yml"):
        (folder / name).write_text("schema: 1\ninputs: {}\n")

    with pytest.raises(CaseFileError, match=r"refund\.yaml beside it has the same case id"):
        read_case(folder / "refund.yml", root=tmp_path, known_targets=["support"])


@pytest.mark.parametrize("name", ["absent.yaml", "folder.yaml", "case.txt"])
def test_what_cannot_be_read_is_a_case_file_error(tmp_path: Path, name: str) -> None:
    """A missing file, a folder and another extension are told as such."""
    (tmp_path / "cases/support/folder.yaml").mkdir(parents=True)

    with pytest.raises(CaseFileError, match=r"cannot be read|ends in \.yaml"):
        read_case(tmp_path / "cases/support" / name, root=tmp_path, known_targets=["support"])
