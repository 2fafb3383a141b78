"""The page: its data, its template, and the policy that keeps it to itself."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from e2i_eval.report import numbers
from e2i_eval.report.blocks import SIGNS, Code, spans
from e2i_eval.report.conclusion import conclude
from e2i_eval.report.html.case_data import TEXT_CHARS, case_data, embedded
from e2i_eval.report.html.plot import latency_plot, overhead_plot, shift_plot
from e2i_eval.report.session import report_sections
from e2i_eval.runner.report import summarise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.report.blocks import Line, Listing
    from e2i_eval.runner.report import Report

__all__ = ["html_report", "page"]

PACKAGE = "e2i_eval.report.html"
LOCAL_UI = "http://127.0.0.1:5000"
"""Where ``e2i-eval ui`` serves the store unless another place is given."""

LISTED_LINES = 200


def html_report(report: Report) -> str:
    """Return ``report`` as one HTML file that loads nothing from anywhere."""
    data = {**case_data(report.cases), "links": _links(report)}
    plots = {"latency": shift_plot(report.latency), "overhead": overhead_plot(report.overheads)}
    return page(
        "report.html.j2",
        data=data,
        conclusion=conclude(report),
        facts=_facts(report),
        total=summarise("total", list(report.cases), report.repeated),
        sections=report_sections(report),
        plots={name: plot for name, plot in plots.items() if plot},
        waited=latency_plot(report.cases),
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
    environment.filters |= {"is_linked": _is_linked, "listed": _listed, "spans": spans}
    style, script = (files(PACKAGE).joinpath("templates", name).read_text("utf-8") for name in ("page.css", "page.js"))
    marks = {mark: {"text": sign.text, "word": sign.word} for mark, sign in SIGNS.items()}
    return environment.get_template(template).render(
        style=style,
        script=script,
        script_hash=_hash(script),
        data=embedded({**data, "signs": marks}),
        numbers=numbers,
        signs=SIGNS,
        **shown,
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


def _is_linked(line: Line) -> bool:
    """Tell whether a line leads to the place of the page that has its details."""
    return any(isinstance(span, Code) and span.anchor for span in spans(line.words))


def _listed(listing: Listing) -> list[tuple[str, str]]:
    """Return lines with their kind: ``add`` and ``del`` of a diff, ``hunk``, or nothing."""
    kinds = {"+": "add", "-": "del", "@": "hunk"} if listing.is_diff else {}
    split = [line for each in listing.lines for line in each.splitlines() or [""]]
    shown = [(kinds.get(line[:1], ""), line) for line in split[:LISTED_LINES]]
    hidden = len(split) - LISTED_LINES
    return [*shown, ("hunk", f"… {hidden:,} more lines, in report.json")] if hidden > 0 else shown
