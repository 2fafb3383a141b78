"""The terminal's view is pure text, and says what a person needs at two in the morning."""

from __future__ import annotations

import pytest

from e2i_eval.core.verdict import Finding, Status, Verdict
from e2i_eval.report import failure_lines, numbers, summary_lines
from e2i_eval.runner.report import CaseResult, Report


def result(case_id: str, status: Status = "pass", **measurements: float) -> CaseResult:
    """Return one case's result with one verdict of ``status``."""
    finding = Finding(
        message="the server has other tokens than the wire",
        field="input_tokens",
        expected="812",
        actual="406",
        call="call 2 (node 'answer')",
        span="span 'ChatAnthropic' (CHAT_MODEL, ab12)",
    )
    findings = (finding,) if status == "fail" else ()
    verdict = Verdict(check="logging", status=status, reason="1 of 41 fields differs", findings=findings, score=40 / 41)
    return CaseResult(
        case_id=case_id,
        target=case_id.split("/", maxsplit=1)[0],
        nodeid=f"golden/cases/{case_id}.yaml::{case_id}",
        where=f"golden/cases/{case_id}.yaml:1",
        verdicts=(verdict,),
        measurements={"latency_ms": 100.0, "input_tokens": 1_200.0, "cost_usd": 0.01, **measurements},
    )


def report(*cases: CaseResult, problems: tuple[str, ...] = ()) -> Report:
    """Return a report of ``cases``."""
    return Report(session={}, environment={}, cases=cases, problems=problems)


def test_the_table_has_a_row_a_target_and_a_total() -> None:
    """Tokens and costs add up; the total is the last row."""
    lines = summary_lines(report(result("rag/a"), result("rag/b"), result("gap/a")), color=False)

    assert [line.split()[0] for line in lines if line[0].isalpha()] == ["target", "gap", "rag", "total"]
    assert lines[-1].split()[-6:] == ["3,600", "0", "$0.0300", "100/100", "97.6", "%"]


@pytest.mark.parametrize(("status", "cell"), [("pass", "✓ pass"), ("fail", "✗ 1 fail"), ("error", "! 1 error")])
def test_a_verdict_is_never_hidden(status: Status, cell: str) -> None:
    """One case that failed, or could not be judged, shows in its target's row."""
    lines = summary_lines(report(result("rag/a"), result("rag/b", status)), color=False)

    assert cell in "\n".join(lines)


def test_what_could_not_be_judged_is_said_below_the_table() -> None:
    """Unknown is not a pass, in words."""
    lines = summary_lines(report(result("rag/a", "error"), problems=("the server died",)), color=False)

    assert lines[-2:] == ["! the server died", "! 1 of 1 case could not be judged, which is never a pass"]


def test_an_unknown_price_makes_the_sum_unknown() -> None:
    """A cost that is not known is not nothing."""
    unknown = CaseResult(case_id="rag/b", target="rag", nodeid="", where="", verdicts=(), measurements={})

    lines = summary_lines(report(result("rag/a"), unknown), color=False)

    assert "unknown" in lines[-1]


def test_a_failure_names_case_call_field_span_and_both_sides() -> None:
    """The message alone tells what to look at."""
    assert failure_lines(result("rag/a", "fail")) == [
        "golden/cases/rag/a.yaml:1  rag/a",
        "",
        "✗ logging: 1 of 41 fields differs",
        "    call 2 (node 'answer') · input_tokens · span 'ChatAnthropic' (CHAT_MODEL, ab12)",
        "      the server has other tokens than the wire",
        "      wire     812",
        "      server   406",
    ]


def test_results_cross_processes_unchanged() -> None:
    """What a worker sends is what the controller reads."""
    sent = report(result("rag/a", "fail"), problems=("x",))

    assert Report.from_json(sent.to_json()) == sent


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (1.0, "100 %"), (0.9999, "99.9 %"), (0.5, "50 %"), (0, "0 %")]
)
def test_only_everything_is_a_hundred_percent(value: float | None, text: str) -> None:
    """A share is never rounded up to completeness."""
    assert numbers.share(value) == text
