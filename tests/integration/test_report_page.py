"""The report page in a real browser: it works without a network, and obeys nothing foreign."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.core.call_record import CallRecord, FieldRecord
from e2i_eval.core.verdict import Finding, Verdict
from e2i_eval.report.html import html_report
from e2i_eval.runner.report import CaseResult, Report

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here")

BROWSER_TIMEOUT_S = 90.0
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-file-access-from-files",
    "--virtual-time-budget=8000",
)

HOSTILE = "</script><script>parent.owned=1</script><img src=x onerror='parent.owned=1'><svg onload='parent.owned=1'>"

DRIVER = """
<body><iframe id="page" src="report.html#HASH" style="width:WIDTHpx;height:900px"></iframe><pre id="seen"></pre><script>
const page = document.getElementById("page");
page.onload = () => {
  const at = page.contentDocument, by = (id) => at.getElementById(id);
  const press = (key) => (at.activeElement || at.body).dispatchEvent(new at.defaultView.KeyboardEvent("keydown",
    { key, bubbles: true, cancelable: true }));
  const opened = () => at.querySelector("article.case h3")?.textContent ?? null;
  const shown = () => at.querySelectorAll("#list a").length;
  const said = () => by("count").textContent;
  const type = (text) => { const box = by("query"); box.value = text; box.dispatchEvent(new Event("input")); };
  const seen = STEPS;
  seen.owned = Boolean(window.owned);
  document.getElementById("seen").textContent = JSON.stringify(seen);
};
</script></body>
"""


def case(name: str, status: str = "pass", words: str = "because") -> CaseResult:
    """Return a case, wrong in ``words`` if it did not pass."""
    finding = Finding(message=words, field="answer", expected="It was paid on Monday.", actual=f"{words} Tuesday.")
    is_wrong = status != "pass"
    verdict = Verdict(check="output", status=status, reason=words, findings=(finding,) * is_wrong)  # type: ignore[arg-type]
    fields = (FieldRecord(name="model", wire=words, server="other", outcome="differs"),)
    return CaseResult(
        case_id=name,
        target=name.partition("/")[0],
        nodeid=name,
        where="x.yaml:1",
        verdicts=(verdict,),
        measurements={"latency_ms": 12.0},
        calls=(CallRecord(call="call 1", span="span", fields=fields),),
    )


@pytest.fixture
def browse(tmp_path: Path) -> Any:  # noqa: ANN401  a function of several keyword arguments
    """Return ``browse(cases, steps)``: opens the page, runs JavaScript on it, returns what that saw."""

    def run(*cases: CaseResult, steps: str, fragment: str = "", width: int = 1280) -> dict[str, Any]:
        report = Report(session={"id": "x", "claude": "mock"}, environment={}, cases=cases)
        (tmp_path / "report.html").write_text(html_report(report))
        driver = DRIVER.replace("STEPS", steps).replace("HASH", fragment).replace("WIDTH", str(width))
        (tmp_path / "driver.html").write_text(driver)
        done = subprocess.run(
            [
                str(CHROMIUM),
                *FLAGS,
                f"--window-size={width + 40},1000",
                f"--user-data-dir={tmp_path / 'profile'}",
                "--dump-dom",
                (tmp_path / "driver.html").as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=BROWSER_TIMEOUT_S,
            check=False,
        )
        found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
        assert found is not None, done.stderr[-2000:]
        assert found[1], "the page's script did not run to its end"
        seen: dict[str, Any] = json.loads(html.unescape(found[1]))
        return seen

    return run


def test_hostile_words_are_shown_and_not_obeyed(browse: Any) -> None:  # noqa: ANN401
    """Markup in ids, reasons, values and fields runs nothing, and stands on the page as text."""
    seen = browse(
        case(f"a/{HOSTILE}", "fail", HOSTILE),
        steps="""{ text: at.body.innerText, images: at.images.length, title: at.title,
          scripts: at.scripts.length, open: opened() }""",
    )

    assert seen["owned"] is False
    assert (seen["images"], seen["scripts"]) == (0, 2)
    assert seen["open"] == f"a/{HOSTILE}"
    assert HOSTILE in seen["text"]


def test_keys_search_and_links(browse: Any) -> None:  # noqa: ANN401
    """Keys walk through the cases, the search narrows them, a link opens one and a wrong link says so."""
    cases = [case(f"a/case-{number:04d}", "fail" if number in {3, 900} else "pass") for number in range(1_200)]
    seen = browse(
        *cases,
        steps="""(() => {
          const s = { first: opened(), drawn: shown(), all: said() };
          press("j"); s.next = opened(); press("k"); s.back = opened();
          press("n"); s.wrong = opened();
          at.defaultView.location.hash = "case/a/case-1100"; at.defaultView.dispatchEvent(new Event("hashchange"));
          s.deep = opened(); s.current = at.querySelector("#list a[aria-current]")?.dataset.key;
          at.defaultView.location.hash = "case/a/none"; at.defaultView.dispatchEvent(new Event("hashchange"));
          s.absent = said();
          type("case-0042"); s.found = said(); type("because"); s.reasons = said(); type("zzz"); s.none = shown();
          press("Escape"); type(""); at.querySelector('[data-status="fail"]').click(); s.failed = said();
          by("theme").click(); s.theme = at.documentElement.dataset.theme;
          press("?"); s.help = by("keys").open;
          return s;
        })()""",
    )

    assert seen == {
        "first": "a/case-0003",
        "drawn": 120,
        "all": "1,200 of 1,200 cases",
        "next": "a/case-0900",
        "back": "a/case-0003",
        "wrong": "a/case-0900",
        "deep": "a/case-1100",
        "current": "a/case-1100",
        "absent": "There is no case a/none in this report.",
        "found": "1 of 1,200 cases",
        "reasons": "2 of 1,200 cases",
        "none": 0,
        "failed": "2 of 1,200 cases",
        "theme": "light",
        "help": True,
        "owned": False,
    }


@pytest.mark.parametrize("width", [480, 1280])
def test_nothing_is_wider_than_the_screen(browse: Any, width: int) -> None:  # noqa: ANN401
    """There is no sideways scrolling, on a telephone either, not even with a word of a thousand letters."""
    seen = browse(
        case("a/one", "fail", "x" * 1_000),
        case(f"a/{'y' * 300}", "fail"),
        fragment="case/a/one",
        width=width,
        steps="""{ wide: at.documentElement.scrollWidth, window: at.documentElement.clientWidth, open: opened(),
          inside: Boolean(at.querySelector("#list article")) }""",
    )

    assert seen["wide"] <= seen["window"]
    assert seen["open"] == "a/one"
    assert seen["inside"] is (width == 480)
