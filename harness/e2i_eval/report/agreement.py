"""Mode agreement in words, for the terminal and as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.report import numbers
from e2i_eval.report.markdown_text import block, code, prose, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.gate.agreement import Agreement, CaseAgreement, Disagreement

__all__ = ["agreement_lines", "agreement_markdown"]

MOST_LINES = 12
"""Disagreements shown of one case on the terminal."""

TEXT_CHARS = 1_200
VALUE_CHARS = 160
WORDS = {"stop_reasons": "stop reason", "tools": "tools called", "unanswered": "answer"}


def agreement_lines(agreement: Agreement) -> list[str]:
    """Return the summary, then every case that does not agree, for the terminal."""
    lines = [*_summary(agreement)]
    for case in agreement.disagreeing:
        lines += ["", f"✗ {case.case_id}", *_case_lines(case, agreement)]
    return lines


def agreement_markdown(agreement: Agreement) -> str:
    """Return the whole as Markdown, every disagreement of every case."""
    summary, *rest = _summary(agreement)
    mark = "✅" if agreement.agrees else "❌"
    lines = [f"## {mark} {prose(summary)}", "", *(f"- {prose(each)}" for each in rest)]
    for case in agreement.disagreeing:
        lines += ["", f"### {code(case.case_id)}", ""]
        for each in case.disagreements:
            lines += [f"- {prose(_sentence(each, agreement))}"]
            if "\n" in each.text:
                lines += ["", block(shortened(each.text, TEXT_CHARS), "diff"), ""]
            elif each.text:
                lines[-1] += f": {prose(shortened(each.text, TEXT_CHARS))}"
    return "\n".join(lines) + "\n"


def _summary(agreement: Agreement) -> Iterator[str]:
    first, second = agreement.modes
    if agreement.rate is None:
        yield f"{first} and {second}: neither run has a case, so nothing agrees"
        return
    rate, total = agreement.rate, len(agreement.cases)
    yield f"{first} and {second} agree on {total - len(agreement.disagreeing)} of {numbers.amount(total, 'case')}"
    yield f"{rate.value:.1%} ({rate.low:.1%} to {rate.high:.1%}, {rate.method}, {rate.confidence:.0%})"
    if kinds := agreement.kinds():
        yield "they differ in " + ", ".join(f"{WORDS.get(kind, kind)} ({count})" for kind, count in kinds.items())
    for kind in ("input_tokens", "output_tokens"):
        ratios = sorted(case.tokens[kind] for case in agreement.cases if kind in case.tokens)
        if ratios:
            middle = ratios[len(ratios) // 2]
            word = kind.replace("_", " ")
            yield f"{word}, {second} over {first}: {ratios[0]:.2f} to {ratios[-1]:.2f}, the middle case {middle:.2f}"
    yield from agreement.notes


def _case_lines(case: CaseAgreement, agreement: Agreement) -> Iterator[str]:
    for each in case.disagreements[:MOST_LINES]:
        yield f"    {_sentence(each, agreement)}"
        yield from (f"      {line}" for line in shortened(each.text, TEXT_CHARS).splitlines())
    hidden = len(case.disagreements) - MOST_LINES
    if hidden > 0:
        yield f"    … and {hidden} more, all of them with --markdown or --json"


def _sentence(each: Disagreement, agreement: Agreement) -> str:
    first, second = agreement.modes
    names = (first, second) if first != second else (f"{first}, first run", f"{second}, second run")
    what = " ".join(part for part in (WORDS.get(each.kind, each.kind), each.place) if part)
    told = (shortened(value, VALUE_CHARS) for value in (each.first, each.second))
    return f"{what}: " + "; ".join(f"{name}: {value}" for name, value in zip(names, told, strict=True))
