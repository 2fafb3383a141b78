"""The page: its data, its template, and the policy that keeps it to itself."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from e2i_eval.report import numbers
from e2i_eval.report.commands import next_commands
from e2i_eval.report.conclusion import conclude, is_changed
from e2i_eval.report.coverage import WORDS, coverage_gaps, coverage_remarks, coverage_scope
from e2i_eval.report.html.case_data import TEXT_CHARS, case_data, embedded
from e2i_eval.report.html.plot import latency_plot, overhead_plot, shift_plot
from e2i_eval.report.repeats import repeat_lines
from e2i_eval.report.wrong_case import wrong_cases
from e2i_eval.runner.report import summarise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.runner.report import CaseResult, Report

__all__ = ["html_report", "page"]

PACKAGE = "e2i_eval.report.html"
LOCAL_UI = "http://127.0.0.1:5000"
"""Where ``e2i-eval ui`` serves the store unless told otherwise."""

MOST_DECISIONS = 400
MOST_WRONG = 12
EXPLANATION_LINES = 200
URGENCY = ("fail", "inconclusive", "pass")


def html_report(report: Report) -> str:
    """Return ``report`` as one HTML file that loads nothing from anywhere."""
    wrong = wrong_cases(report)
    decisions = sorted(report.decisions, key=lambda decision: URGENCY.index(decision.status))
    data = {**case_data(report.cases), "links": _links(report)}
    return page(
        "report.html.j2",
        data=data,
        report=report,
        conclusion=conclude(report),
        facts=_facts(report),
        total=summarise("total", list(report.cases), report.repeated),
        targets=report.targets(),
        wrong=wrong[:MOST_WRONG],
        more_wrong=max(0, len(wrong) - MOST_WRONG),
        decisions=decisions[:MOST_DECISIONS],
        more_decisions=max(0, len(decisions) - MOST_DECISIONS),
        changed=list(filter(is_changed, decisions)),
        detectable=list(dict.fromkeys((one.rule, one.target, one.detectable) for one in decisions if one.detectable)),
        commands=next_commands(report),
        latency=latency_plot(report.cases),
        overhead=overhead_plot(report.overheads),
        duet=shift_plot(report.latency),
        repeated=repeat_lines(report),
        coverage=report.coverage if any(each.has_graph for each in report.coverage) else (),
        coverage_words={
            kind: words for kind, words in WORDS.items() if any(kind in each.counts() for each in report.coverage)
        },
        coverage_scope=coverage_scope(report),
        coverage_gaps=coverage_gaps,
        coverage_remarks=[f"{each.target}: {text}" for each in report.coverage for text in coverage_remarks(each)],
        conditions=list(dict.fromkeys(text for each in report.overheads for text in each.conditions)),
        shifted=[each for each in report.latency if each.status != "pass"],
        differing=[each for each in report.overheads if each.differences],
        links=data["links"],
    )


def page(template: str, *, data: Mapping[str, JsonValue], **shown: object) -> str:
    """Return a page of this package's templates.

    Args:
        template: the file in ``templates``; it extends ``base.html.j2``.
        data: what the page's script reads, put into it as JSON.
        shown: what the template names.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  Jinja is not needed before

    environment = Environment(
        loader=PackageLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalized,
    )
    environment.filters |= {"lines": _explanation, "anchor": _anchor}
    style, script = (files(PACKAGE).joinpath("templates", name).read_text("utf-8") for name in ("page.css", "page.js"))
    return environment.get_template(template).render(
        style=style, script=script, script_hash=_hash(script), data=embedded(dict(data)), numbers=numbers, **shown
    )


def _finalized(value: object) -> object:
    """Cut a text that would make the page unreadable; what is marked as safe is the page's own."""
    if type(value) is not str or len(value) <= TEXT_CHARS:
        return value
    return f"{value[:TEXT_CHARS]}… ({len(value) - TEXT_CHARS:,} more characters, in report.json)"


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _facts(report: Report) -> list[tuple[str, str]]:
    """Return what a reader needs to know about the session, name and value."""
    session, git = report.session, report.session.get("git") or {}
    started = datetime.fromtimestamp(float(session.get("started_at_s") or 0), tz=UTC)
    commit = str(git.get("commit", ""))[:10]
    dirty = " with uncommitted changes" if str(git.get("dirty")) == "true" else ""
    known = [
        ("commit", f"{commit}{dirty}"),
        ("branch", str(git.get("branch", ""))),
        ("Claude", str(session.get("claude", ""))),
        ("started", started.strftime("%Y-%m-%d %H:%M UTC")),
        ("took", numbers.duration(float(session.get("duration_s") or 0))),
        *((name.removeprefix("version."), str(value)) for name, value in report.environment.items()),
        ("session", str(session.get("id", ""))),
    ]
    return [(name, value) for name, value in known if value]


def _links(report: Report) -> dict[str, JsonValue]:
    """Return where MLflow shows the session's runs; empty texts when its store was thrown away."""
    session = report.session
    base, experiment = session.get("tracking_uri"), session.get("experiment_id")
    if not experiment or not (base or session.get("store")):
        return {"runs": "", "hint": "", "session": ""}
    hint = "" if base else "start e2i-eval ui first"
    runs = f"{_without_password(str(base or LOCAL_UI))}/#/experiments/{experiment}/runs/"
    return {"runs": runs, "hint": hint, "session": f"{runs}{session['run_id']}" if session.get("run_id") else ""}


def _without_password(uri: str) -> str:
    """Return an address fit for a link: of http or https, without user and password."""
    parts = urlsplit(uri)
    scheme = parts.scheme if parts.scheme in {"http", "https"} else "http"
    return urlunsplit((scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def _explanation(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Return lines with their kind: ``add`` and ``del`` of a diff, ``hunk``, or nothing."""
    kinds = {"+": "add", "-": "del", "@": "hunk"}
    split = [line for each in lines for line in each.splitlines() or [""]]
    shown = [(kinds.get(line[:1], ""), line) for line in split[:EXPLANATION_LINES]]
    hidden = len(split) - EXPLANATION_LINES
    return [*shown, ("hunk", f"… {hidden:,} more lines, in report.json")] if hidden > 0 else shown


def _anchor(case: CaseResult) -> str:
    """Return the part of the address that opens ``case``."""
    return f"case/{case.case_id}{f'~{case.repeat}' if case.repeat else ''}"
