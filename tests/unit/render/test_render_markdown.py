"""The report for a pull request: verdict first, bounded, and nothing foreign in it is obeyed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

from e2i_eval.report import markdown_report
from e2i_eval.report.conclusion import conclude
from e2i_eval.report.markdown_text import block, code, prose

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.render.conftest import Maker

    from e2i_eval.runner.report import Report

OWN_TAGS = {"details", "summary"}


def html(markdown: str) -> str:
    """Return Markdown as GitHub would read it, raw HTML and bare addresses included."""
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))


def test_the_verdict_comes_first(make: Maker) -> None:
    """The first line says what failed, in numbers."""
    first = markdown_report(make.broken()).splitlines()[0]

    assert first == (
        "## ❌ e2i-eval failed: 1 of 3 cases failed, 1 of 3 cases could not be judged, "
        "1 of 3 gate rules broken, 1 target slower, 1 problem with the session"
    )


def test_a_good_run_is_short(make: Maker) -> None:
    """Nothing that is in order is explained."""
    text = markdown_report(make.report(make.case("support/fine"), decisions=(make.decision(),)))

    assert text.startswith("## ✅ e2i-eval passed: 1 case, 1 gate rule\n")
    assert "went wrong" not in text
    assert "What to type" not in text


def test_it_says_what_changed_and_how_to_accept_it(make: Maker) -> None:
    """Accepted and new value, prompt diff and the two commands are there."""
    report = make.report(make.case("support/refund", "fail"), decisions=(make.decision("fail"),))

    text = markdown_report(report)

    assert "| `support` | input_tokens | ❌ fail | 8,020 | 8,356 | +336 (+4.2%) |".replace("_", "\\_") in text
    assert "+Be short and kind." in text
    assert "pytest --e2i-eval -k support/refund" in text
    assert 'e2i-eval baseline accept latest --reason "..."' in text


def test_it_shows_time_and_what_it_could_not_see(make: Maker) -> None:
    """Overhead, base against head, and the smallest change are told with their intervals."""
    text = markdown_report(make.broken())

    assert "+0.70 ms [+0.20, +1.2]" in text
    assert "+11.2 ms [+10.7, +11.7]" in text
    assert "### The smallest change each rule can see" in text


@pytest.mark.parametrize("limit", [2_000, 6_000, 12_000])
def test_it_is_bounded(many: Callable[[int], Report], limit: int) -> None:
    """Two thousand cases fit into any limit, and what is left out is counted."""
    text = markdown_report(many(2_000), limit=limit)

    assert len(text) <= limit
    assert re.search(r"… and ([\d,]+ more|the details of [\d,]+)[\w ]*, in `report.html`", text)
    assert "pytest --e2i-eval --lf" in text
    assert text.count("```") % 2 == 0
    assert text.count("<details>") == text.count("</details>")


def test_nothing_foreign_is_obeyed(make: Maker, hostile: str) -> None:
    """Markup in ids, prompts and reasons makes no tag, link, image, mention or cell of its own."""
    shown = html(markdown_report(make.broken(hostile)))
    outside = re.sub(r"<(code|pre)[^>]*>.*?</\1>", "", shown, flags=re.DOTALL)

    assert set(re.findall(r"<(script|img|a|iframe|svg|style)\b", shown)) == set()
    assert shown.count("<details>") == shown.count("</details>")
    assert not re.search(r"@\w|#\d|https?://|www\.", outside)
    for row in re.findall(r"<tr>(.*?)</tr>", shown, flags=re.DOTALL):
        assert len(re.findall(r"<t[hd]", row)) in {6, 7, 8, 9}


def test_a_table_keeps_its_columns(make: Maker) -> None:
    """A pipe in a target's name is a character of the name."""
    shown = html(markdown_report(make.report(make.case("a|b/one"))))
    row = next(row for row in re.findall(r"<tr>(.*?)</tr>", shown, flags=re.DOTALL) if "a|b" in row)

    assert row.count("<td") == 9


@pytest.mark.parametrize("text", ["a`b", "``", "```\nx", "`"])
def test_backticks_cannot_close_code(text: str) -> None:
    """A span and a block are fenced by more backticks than they hold."""
    span, fenced = html(code(text)), html(block(text))

    assert span.count("<code>") == 1
    assert fenced.count("<pre>") == 1
    assert "`" in fenced


def test_prose_has_no_invisible_characters() -> None:
    """Characters that reorder or hide text are shown as what they are."""
    assert prose("a\u202eb\x00c") == "a�b�c"


def test_no_case_is_a_failure(make: Maker) -> None:
    """A report without a case never passes."""
    assert conclude(make.report()).status == "fail"


def test_an_open_gate_is_inconclusive(make: Maker) -> None:
    """When nothing failed and a rule could not decide, the verdict says so."""
    report = make.report(make.case("a/b"), decisions=(make.decision("inconclusive"), make.decision()))

    conclusion = conclude(report)

    assert conclusion.status == "inconclusive"
    assert conclusion.headline == "nothing failed, 1 of 2 gate rules inconclusive"


def test_a_slower_target_is_a_failure_and_an_open_one_is_inconclusive(make: Maker) -> None:
    """The report says what the exit code says, with and without rules."""
    slower = conclude(make.report(make.case("a/b"), latency=(make.shift(), make.shift(part="logging"))))
    unsure = conclude(make.report(make.case("a/b"), latency=(make.shift(status="inconclusive"),)))

    assert (slower.status, slower.headline) == ("fail", "1 target slower")
    assert (unsure.status, unsure.headline) == ("inconclusive", "nothing failed, the latency of 1 target inconclusive")


def test_a_case_in_quarantine_is_shown_and_does_not_count(make: Maker) -> None:
    """The verdict is that of the exit code; the case is still in the report, and only there."""
    known = make.case("a/known", "fail", quarantine="until 2026-12-24: the retriever is being replaced")
    report = make.report(make.case("a/fine"), known)

    text = markdown_report(report)

    assert conclude(report).headline == "2 cases, 1 of them in quarantine"
    assert conclude(report).status == "pass"
    assert "`a/known`: **quarantine** does not block: until 2026-12-24" in text
    assert "What to type" not in text
