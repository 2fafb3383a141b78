"""Prompts kept by their sections, each once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2i_eval.core.prompt_table import PromptTable, section_key
from e2i_eval.runner.report import Report

SYSTEM = ("[system]", "Be brief.")


def test_a_shared_section_is_kept_once() -> None:
    """Two prompts with one system prompt are three sections."""
    table = PromptTable()
    one, other = table.add((*SYSTEM, "[user]", "Why?")), table.add((*SYSTEM, "[user]", "When?"))

    assert one[0] == other[0] == section_key(SYSTEM)
    assert len(table.sections) == 3
    assert table.prompt(other) == (*SYSTEM, "[user]", "When?")


@given(st.lists(st.sampled_from(["", "[user]", "[system]", "[tool x]", "[other]", "a", "b\udc80"])))
def test_every_prompt_comes_back(prompt: list[str]) -> None:
    """Also one whose text looks like the beginning of a section."""
    table = PromptTable()

    assert table.prompt(table.add(prompt)) == tuple(prompt)


def test_a_report_keeps_a_prompt_once(report: Report) -> None:
    """Both cases asked the same; what is read is what was written."""
    written = report.to_json()

    assert len(written["prompts"]) == 3  # type: ignore[arg-type]
    assert Report.from_json(written) == report


def test_a_report_without_its_prompts_is_no_report(report: Report) -> None:
    """A lost section is an error and not an empty prompt."""
    with pytest.raises(KeyError):
        Report.from_json({**report.to_json(), "prompts": {}})
