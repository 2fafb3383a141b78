"""The page: one file, loads nothing, obeys nothing foreign, stays small, and shows what there is."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.report import masked
from e2i_eval.report.html import html_report
from e2i_eval.report.html.case_data import case_data, embedded

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.render.conftest import Maker

    from e2i_eval.runner.report import Report


class Page(HTMLParser):
    """What a browser would make of a page: tags, attributes, scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._inside: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self._inside.append(tag)
            self.scripts += [""] if tag == "script" else []

    def handle_endtag(self, tag: str) -> None:
        """Leave a script."""
        if tag in {"script", "style"}:
            self._inside.remove(tag)

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if "script" in self._inside:
            self.scripts[-1] += data
        elif not self._inside:
            self.words.append(data)

    @property
    def data(self) -> dict[str, Any]:
        """The embedded data."""
        read: dict[str, Any] = json.loads(self.scripts[0])
        return read

    @property
    def text(self) -> str:
        """What is written on the page without its script."""
        return " ".join("".join(self.words).split())


def shape(page: Page) -> list[tuple[str, tuple[str, ...]]]:
    """Return the page's tags with the names of their attributes: what markup in a value would change.

    Spans are left out: a text of several lines has one a line.
    """
    return [(tag, tuple(sorted(attributes))) for tag, attributes in page.tags if tag != "span"]


def test_it_shows_what_went_wrong(make: Maker) -> None:
    """Verdict, reasons, changes, gate, plots and commands are on the page without a script."""
    text = Page(html_report(make.broken("because"))).text

    for expected in (
        "Failed",
        "1 of 3 cases failed",
        "a worker is gone because",
        "8,020",
        "8,356",
        "+336 (+4.2%)",
        "+0.70 ms [+0.20, +1.2]",
        "+11.2 ms [+10.7, +11.7]",
        "The smallest change each rule can see",
        "support, because: because",
        "because, agent: slower",
    ):
        assert expected in text


def test_a_good_run_has_no_section_on_errors(make: Maker) -> None:
    """What is not there is not shown as an empty heading."""
    text = Page(html_report(make.report(make.case("support/fine")))).text

    assert text.startswith("✓ Passed: 1 case · e2i-eval")
    for absent in ("What went wrong", "Gate", "Problems", "Changed against", "Notes"):
        assert absent not in text


def test_it_loads_nothing(make: Maker) -> None:
    """No address is loaded from, and the policy would forbid it."""
    page = Page(html_report(make.broken()))
    policy = next(found["content"] for _, found in page.tags if found.get("http-equiv"))

    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy.split("style-src")[0]
    assert not [tag for tag, found in page.tags if "src" in found or tag in {"iframe", "img", "object", "embed"}]
    assert [found["href"] for tag, found in page.tags if tag == "link"] == ["data:,"]
    style = html_report(make.broken()).partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "innerHTML" not in page.scripts[1]
    assert not re.search(r"fetch\(|XMLHttpRequest|WebSocket|\beval\(", page.scripts[1])


def test_nothing_foreign_is_obeyed(make: Maker, hostile: str) -> None:
    """Whatever a value holds, the page has the same tags and attributes, and shows the value."""
    plain, attacked = (Page(html_report(make.broken(words))) for words in ("harmless", hostile))

    assert shape(attacked) == shape(plain)
    assert len(attacked.scripts) == 2
    assert attacked.scripts[1] == plain.scripts[1]
    assert hostile in attacked.data["cases"][0]["verdicts"][1]["reason"]
    assert not [found for _, found in attacked.tags if any(name.startswith("on") for name in found)]


def test_links_are_made_of_safe_schemes_only(make: Maker) -> None:
    """A strange address of a server becomes no script, and a password in one is not shown."""
    session = {**make.session, "tracking_uri": "javascript://x/%0aalert(1)", "store": None}
    secret = {**make.session, "tracking_uri": "https://user:hunter2@mlflow.example/base/"}

    strange = Page(html_report(make.report(make.case("a/b"), session=session)))
    known = html_report(make.report(make.case("a/b"), session=secret))

    assert not [found for _, found in strange.tags if (found.get("href") or "").startswith("javascript")]
    assert "hunter2" not in known
    assert "https://mlflow.example/base/#/experiments/7/runs/run-1" in known


def test_a_store_thrown_away_is_not_linked(make: Maker) -> None:
    """There is no link to a server that is gone."""
    page = Page(html_report(make.report(make.case("a/b"), session={**make.session, "store": None})))

    assert page.data["links"] == {"runs": "", "hint": "", "session": ""}


def test_every_line_of_a_prompt_is_there_once(make: Maker) -> None:
    """Cases share the lines of their prompts."""
    data = case_data([make.case(f"a/{number}") for number in range(50)])

    assert len(data["texts"]) == 2
    assert data["cases"][49]["behaviour"]["calls"][0]["prompt"] == [0, 1]


def test_it_is_bounded(many: Callable[[int], Report]) -> None:
    """Beyond the limit passing cases keep their outline, and the page counts them."""
    cases = many(2_000).cases

    data = case_data(cases, most_bytes=900_000)

    assert len(embedded(data)) < 950_000
    assert len(data["cases"]) == 2_000
    assert 0 < data["trimmed"] < 2_000
    for case, row in zip(cases, data["cases"], strict=True):
        assert row["id"] == case.case_id
        assert row["status"] == case.status
        assert case.status == "pass" or "trimmed" not in row


def test_two_thousand_cases_are_a_file_that_opens(many: Callable[[int], Report]) -> None:
    """The page of a large run is a few megabytes, and its static part does not grow with the cases."""
    small, large = html_report(many(40)), html_report(many(2_000))
    data = re.compile(r'id="data">.*?</script>', re.DOTALL)

    assert len(large) < 9_000_000
    assert len(data.sub("", large)) < 1.6 * len(data.sub("", small))


def test_a_long_text_is_cut_and_says_so(make: Maker) -> None:
    """One answer of a megabyte does not make the page unreadable."""
    row = case_data([make.case("a/b", "fail", words="x" * 1_000_000)])["cases"][0]

    assert len(json.dumps(row)) < 60_000
    assert "more characters, in report.json" in row["verdicts"][1]["reason"]


def test_secrets_are_masked(make: Maker) -> None:
    """Neither a known secret nor what looks like a key is on the page, wherever it came from."""
    report = masked(make.broken("hunter2-hunter2 and sk-ant-api03-abcdefghijklmnop"), ["hunter2-hunter2"])

    page = html_report(report)

    assert "hunter2-hunter2" not in page
    assert "abcdefghijklmnop" not in page
    assert "characters masked" in page


@pytest.mark.parametrize("value", ["</script>", "<!--", "\u2028", "é", '"', "&amp;"])
def test_embedded_data_reads_back(value: str) -> None:
    """What is escaped for HTML is the same value again for JSON."""
    text = embedded({"a": value})

    assert json.loads(text) == {"a": value}
    assert not re.search("[<>&\u2028]", text)


def test_every_plot_says_its_numbers(make: Maker) -> None:
    """Each drawing has a title and a description that its ids lead to."""
    page = Page(html_report(make.broken()))
    ids = [found["id"] for _, found in page.tags if found.get("id")]
    drawings = [found for tag, found in page.tags if tag == "svg"]

    assert len(drawings) == 3
    assert len(ids) == len(set(ids))
    for drawing in drawings:
        assert set((drawing["aria-labelledby"] or "").split()) <= set(ids)
