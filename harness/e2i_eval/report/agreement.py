"""Two modes of one suite: on how much they agree, and each case on which they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.report import numbers
from e2i_eval.report.blocks import Code, Line, Lines, Listing, Section
from e2i_eval.report.markdown import markdown
from e2i_eval.report.markdown_text import shortened
from e2i_eval.report.terminal import terminal_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.gate.agreement import Agreement, CaseAgreement, Disagreement
    from e2i_eval.report.blocks import Mark

__all__ = ["agreement_lines", "agreement_markdown"]

MOST_LINES = 12
"""Disagreements of one case that a terminal shows."""

TEXT_CHARS = 1_200
VALUE_CHARS = 160
WORDS = {"stop_reasons": "stop reason", "tools": "tools called", "unanswered": "answer"}
UNBOUNDED = 10**9
"""Of the Markdown: it is the whole list."""


def agreement_lines(agreement: Agreement) -> list[str]:
    """Return the summary, then every case that does not agree, for the terminal."""
    return terminal_lines(_sections(agreement), rest="--markdown or --json")


def agreement_markdown(agreement: Agreement) -> str:
    """Return the whole as Markdown, every disagreement of every case."""
    return markdown(_sections(agreement), rest="`--json`", limit=UNBOUNDED)


def _sections(agreement: Agreement) -> list[Section]:
    summary, *facts = _summary(agreement)
    mark: Mark = "pass" if agreement.agrees else "fail"
    cases = tuple(_case(case, agreement) for case in agreement.disagreeing)
    return [
        Section(title=summary, mark=mark, blocks=(Lines(tuple(map(Line, facts))),), level=2),
        *([Section(title="Cases that do not agree", blocks=(Lines(cases),))] if cases else []),
    ]


def _case(case: CaseAgreement, agreement: Agreement) -> Line:
    lines = tuple(_line(each, agreement) for each in case.disagreements)
    return Line(Code(case.case_id), mark="fail", below=(Lines(lines, most=MOST_LINES),))


def _line(each: Disagreement, agreement: Agreement) -> Line:
    text = shortened(each.text, TEXT_CHARS)
    below = (Listing(tuple(text.splitlines()), is_diff="\n" in text),) if text else ()
    return Line(_sentence(each, agreement), below=below)


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


def _sentence(each: Disagreement, agreement: Agreement) -> str:
    first, second = agreement.modes
    names = (first, second) if first != second else (f"{first}, first run", f"{second}, second run")
    what = " ".join(part for part in (WORDS.get(each.kind, each.kind), each.place) if part)
    values = (shortened(value, VALUE_CHARS) for value in (each.first, each.second))
    return f"{what}: " + "; ".join(f"{name}: {value}" for name, value in zip(names, values, strict=True))
