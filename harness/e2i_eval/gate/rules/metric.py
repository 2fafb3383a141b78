"""What a rule of the gate can be about: one table, from which parsing, errors and documentation come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COVERAGE", "METRICS", "Metric", "MetricKind"]

COVERAGE = "coverage_"
"""Begins the names of metrics about the parts of a graph; the kind of part follows."""

MetricKind = Literal["amount", "share", "rate", "overhead", "behaviour", "prompts", "ab", "coverage"]
"""Where a metric comes from and how it is judged.

``amount``: a number of each case, summed over a target's cases. ``share``: a number of each case from 0 to 1,
averaged over them. ``rate``: the share of cases that pass. ``overhead``: pairs with logging on and off.
``behaviour``: what a case did, not a number. ``prompts``: what it asked Claude. ``ab``: pairs of two revisions.
``coverage``: the share of a graph's parts that the cases exercise.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One thing that can be gated.

    Attributes:
        name: as written in a rule and, for amounts and shares, in a case's measurements.
        unit: of its values; empty for a count.
        worse: which way is worse; ``change`` when any difference is.
        kind: where it comes from and how it is judged.
        example: a rule about it that makes sense.
        help: what it is, in a few words.
        check: the check that measures it, in cases that ask for it; empty when it is measured of every case.
    """

    name: str
    unit: str
    worse: Literal["more", "less", "change"]
    kind: MetricKind
    example: str
    help: str
    check: str = ""

    @property
    def is_bounded(self) -> bool:
        """Whether its values lie between 0 and 1."""
        return self.kind in {"share", "rate", "coverage"}


def _amount(name: str, unit: str, text: str, example: str = "+0%") -> Metric:
    return Metric(name=name, unit=unit, worse="more", kind="amount", example=f"{name}:{example}", help=text)


def _coverage(kind: str, text: str) -> Metric:
    name = f"{COVERAGE}{kind}"
    return Metric(name=name, unit="", worse="less", kind="coverage", example=f"{name}:>=1", help=text)


def _rag_share(name: str, text: str) -> Metric:
    help_ = f"{text}, 0 to 1; of the cases that ask for it by expect.rag"
    return Metric(name=name, unit="", worse="less", kind="share", example=f"{name}:-0%", help=help_, check="rag")


_TABLE = (
    _amount("input_tokens", "tokens", "all input of all requests to Claude, cached included"),
    _amount("prompt_tokens", "tokens", "what was asked, estimated from its bytes whatever a case's script states"),
    _amount("output_tokens", "tokens", "all output of Claude"),
    _amount("cache_write_tokens", "tokens", "the part of the input that was written to the cache"),
    _amount("claude_calls", "", "calls to Claude, retries not counted again", "+0"),
    _amount("claude_requests", "", "HTTP requests to Claude, retries included", "+0"),
    _amount("cost_usd", "USD", "what Claude costs at the dated prices", "+5%"),
    Metric(
        name="cache_read_tokens",
        unit="tokens",
        worse="less",
        kind="amount",
        example="cache_read_tokens:-0%",
        help="the part of the input that came from the cache, at a tenth of the price",
    ),
    Metric(
        name="logging_completeness",
        unit="",
        worse="less",
        kind="share",
        example="logging_completeness:>=1",
        help="share of the compared fields of the log that agree with the wire, 0 to 1",
    ),
    _rag_share("rag_context_precision", "how early the relevant documents come in the context"),
    _rag_share("rag_context_recall", "share of the relevant documents that are in the context"),
    _rag_share("rag_citations", "share of the citations that name a document of the context which supports the claim"),
    _rag_share("rag_groundedness", "share of the answer's sentences that stand in the context"),
    Metric(
        name="pass_rate",
        unit="",
        worse="less",
        kind="rate",
        example="pass_rate:>=0.95",
        help="share of the cases that pass, 0 to 1; a case that could not be judged does not pass",
    ),
    Metric(
        name="overhead_ms",
        unit="ms",
        worse="more",
        kind="overhead",
        example="overhead_ms:<50",
        help="what a caller waits longer because of logging, a call; needs --e2i-overhead",
    ),
    Metric(
        name="overhead_concurrent_ms",
        unit="ms",
        worse="more",
        kind="overhead",
        example="overhead_concurrent_ms:<50",
        help="the same for each of many callers at once; wants an idle machine; needs --e2i-overhead",
    ),
    Metric(
        name="behaviour",
        unit="",
        worse="change",
        kind="behaviour",
        example="behaviour:same",
        help="the path of nodes, the tools that Claude called, the loops, the error raised",
    ),
    Metric(
        name="prompts",
        unit="",
        worse="change",
        kind="prompts",
        example="prompts:same",
        help="what Claude was asked, word for word; also where a case scripts its tokens",
    ),
    Metric(
        name="latency",
        unit="ms",
        worse="more",
        kind="ab",
        example="latency:ab",
        help="time against another revision, pair by pair on this machine; needs --e2i-ab",
    ),
    _coverage("nodes", "share of the graph's nodes that a case runs, 0 to 1"),
    _coverage("edges", "share of the graph's edges that a case takes, 0 to 1"),
    _coverage("branches", "share of the ways of conditional edges and commands that a case goes, 0 to 1"),
    _coverage("tools", "share of the tools offered to Claude that it calls in a case, 0 to 1"),
    _coverage("retries", "share of the nodes with a retry policy that are retried in a case, 0 to 1"),
    _coverage("error_paths", "share of error handlers and fallbacks that a case runs, 0 to 1"),
)

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _TABLE}
