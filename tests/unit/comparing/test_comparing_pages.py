"""A comparison in the terminal, as Markdown and as a page."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2i_eval.report.comparison import comparison_lines, comparison_markdown
from e2i_eval.report.html import comparison_html

if TYPE_CHECKING:
    from tests.unit.comparing.conftest import Maker

    from e2i_eval.gate.compare import RunComparison

HOSTILE = "</script><img src=x onerror=alert(1)> | `x` @team [l](https://evil.example)"


@pytest.fixture
def worse(make: Maker) -> RunComparison:
    """Two runs, the other with one broken case and more tokens in another."""
    base = make.run(make.case("shop/a"), make.case("shop/b"), make.case("desk/a"), name="x")
    head = make.run(make.case("shop/a", "fail"), make.case("shop/b", input_tokens=109.0), make.case("desk/a"), name="y")
    return make.compared(replace(base, overheads=(make.overhead(0.7),)), head)


def test_the_screen_says_what_moved(worse: RunComparison) -> None:
    """The whole of it, as a person reads it."""
    lines = list(comparison_lines(worse, color=False))

    assert lines == [
        "run  name   made",
        "──────────────────────────────────────────────────────────",
        "A    run-A  commit ccccccc · main · Claude: mock · 3 cases",
        "B    run-B  commit ccccccc · main · Claude: mock · 3 cases",
        "",
        "target        passed    tokens in  tokens out  calls     cost  logging    median ms",
        "───────────────────────────────────────────────────────────────────────────────────",
        "shop    ✗ 2 → 1 of 2  ✗ 200 → 209          20      2  $0.0020    100 %  20.0 → 20.0",
        "total   ✗ 3 → 2 of 3  ✗ 300 → 309          30      3  $0.0030    100 %  20.0 → 20.0",
        "1 target without a difference: desk",
        "✗ broken shop/a: pass → fail · output: wrong",
        "tokens in: worse in shop/b",
        "overhead: what logging adds to a call",
        "  target                             A             B",
        "  ──────────────────────────────────────────────────",
        "  support, one  +0.70 ms [+0.20, +1.2]  not measured",
        "note: latency: two sessions are no fair test, not judged; --e2i-ab compares revisions on one machine",
        "",
        "✗ Worse: B against A: 1 case broken, tokens in +9 (+3.0%) in 1 case",
    ]


def test_every_form_names_the_finding(make: Maker, worse: RunComparison) -> None:
    """Verdict, flips, numbers and doubts are in all of them."""
    (pair,) = worse.pairs
    several = make.compared(worse.sides[0].report, worse.sides[1].report, make.run(make.case("shop/a"), name="z"))
    for comparison in (worse, several):
        texts = (
            "\n".join(comparison_lines(comparison, color=False)),
            comparison_markdown(comparison),
            re.sub("<[^>]+>", "", comparison_html(comparison)),
        )
        for text in texts:
            assert "Worse" in text
            assert pair.flips[0].case_id in text
            assert "309" in text
    for text in texts:
        assert "C has no result of" in text
        assert "passes the most cases" in text or "pass equally many" in text


def test_live_runs_show_their_intervals(make: Maker) -> None:
    """And what could have been seen."""
    comparison = make.compared(make.many(9, 12, name="x"), make.many(9, 12, failed=2, name="y"))

    for text in (
        "\n".join(comparison_lines(comparison, color=False)),
        comparison_markdown(comparison),
        comparison_html(comparison),
    ):
        assert "83.3 % [75, 89]" in text.replace("\\", "")
        assert "a drop of" in text


def test_nothing_foreign_is_obeyed(make: Maker) -> None:
    """Ids, reasons and names are shown as they are; the page loads nothing."""
    base = make.run(make.case(f"shop/{HOSTILE}"), name="x")
    head = replace(
        make.run(make.case(f"shop/{HOSTILE}", "fail", why=HOSTILE), name="y"),
        overheads=(make.overhead(1.0, HOSTILE),),
        problems=(HOSTILE,),
        environment={"python": HOSTILE},
    )
    comparison = make.compared(base, head, head)
    html, markdown = comparison_html(comparison), comparison_markdown(comparison)

    assert "<img" not in html
    assert html.count("<script") == html.count("</script>") == 2
    assert "default-src 'none'" in html
    assert not re.search(r'\s(src|href)="(?!#|data:)', html)
    assert "<img" not in re.sub(r"(`+).*?\1", "", markdown)
    assert "@team" not in re.sub(r"(`+).*?\1", "", markdown).replace("@\u200bteam", "")


def test_markdown_is_bounded(make: Maker) -> None:
    """What is left out is mentioned."""
    runs = [make.many(9, 99, failed=failed, mode="mock", name=str(failed)) for failed in (0, 60, 80)]
    text = comparison_markdown(make.compared(*runs), limit=3_000)

    assert len(text) <= 3_000
    assert text.startswith("## ❌ Worse")
    assert "more, in `--json` and `--html`" in text
