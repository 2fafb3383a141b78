"""The secrets check: no key, credential or forbidden identifier is anywhere in what was logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.contract.difference import excerpt
from e2i_eval.checks.contract.unknown import unknown
from e2i_eval.core.redaction import PATTERNS, SecretSearch, mask
from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.checks.contract.contract import SecretRules
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.core.redaction import Mask
    from e2i_eval.core.trace import Logged, Span, Trace

__all__ = ["NAME", "check_secrets"]

NAME = "secrets"

COPIES = frozenset({"mlflow.spanInputs", "mlflow.spanOutputs"})
"""Attributes that are the span's inputs and outputs once more."""

HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "api_key", "anthropic_api_key"})
"""Keys whose value is a credential when it looks like one."""

CREDENTIAL_CHARS = 12
BEFORE_CHARS = 30


def check_secrets(evidence: Evidence, rules: SecretRules) -> Verdict:
    """Search all that the server keeps of the case."""
    if evidence.traces is None:
        return unknown(NAME, evidence)
    patterns = {**PATTERNS, **rules.patterns}
    search, masker = SecretSearch(evidence.secrets, patterns), mask(evidence.secrets, patterns)
    texts = [*_of_traces(evidence.traces), *_of_run(evidence.logged)]
    findings = tuple(finding for place, span, text in texts for finding in _findings(place, span, text, search, masker))
    if findings:
        noun = "secret" if len(findings) == 1 else "secrets"
        return Verdict(check=NAME, status="fail", reason=f"{len(findings)} {noun} logged", findings=findings)
    if evidence.logged is None:
        return unknown(NAME, evidence)
    return Verdict(check=NAME, status="pass", reason=f"no secret in {len(texts)} logged texts")


def _findings(place: str, span: str | None, text: str, search: SecretSearch, masker: Mask) -> Iterator[Finding]:
    found = search.found_in(text)
    is_credential = not found and _is_credential(place, text)
    if not found and not is_credential:
        return
    masked = masker(text)
    if is_credential:
        found, masked = (("credential", text),), f"({len(text)} characters masked)"
    place = masker(place)
    for kind in dict.fromkeys(kind for kind, _ in found):
        at = masked.find("characters masked") - BEFORE_CHARS
        yield Finding(
            message=f"{kind} in {place}",
            field=place,
            expected=f"no {kind}",
            actual=excerpt(masked, max(0, at)),
            span=span,
        )


def _is_credential(place: str, text: str) -> bool:
    """Tell a credential under a telling key from ``***`` and from plain words such as a prior authorization."""
    if place.rpartition(".")[2].lower() not in HEADERS:
        return False
    value = text.strip()
    plain = len(value) < CREDENTIAL_CHARS or any(char in value for char in " *<[")
    return not plain and any(char.isdigit() for char in value)


def _of_traces(traces: tuple[Trace, ...]) -> Iterator[tuple[str, str | None, str]]:
    for trace in traces:
        own = {"request_preview": trace.request_preview, "response_preview": trace.response_preview}
        places = {"tags": dict(trace.tags), "metadata": dict(trace.metadata), **own}
        yield from ((f"trace {place}", None, text) for place, text in _texts(places))
        for span in trace.spans:
            name = str(span)
            yield from ((place, name, text) for place, text in _texts(_of_span(span)))


def _of_span(span: Span) -> dict[str, JsonValue]:
    return {
        "name": span.name,
        "status_message": span.status_message,
        "inputs": span.inputs,
        "outputs": span.outputs,
        "attributes": {key: value for key, value in span.attributes.items() if key not in COPIES},
        "events": [{"name": event.name, "attributes": dict(event.attributes)} for event in span.events],
    }


def _of_run(logged: Logged | None) -> Iterator[tuple[str, str | None, str]]:
    if logged is None:
        return
    places = {"params": dict(logged.params), "tags": dict(logged.tags), "metrics": list(logged.metrics)}
    yield from ((f"run {place}", None, text) for place, text in _texts({**places, "artifacts": list(logged.artifacts)}))


def _texts(value: JsonValue, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text with its path; the keys of objects are texts too."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, each in value.items():
            inner = f"{path}.{key}" if path else str(key)
            yield f"{path} (key)", str(key)
            yield from _texts(each, inner)
    elif isinstance(value, (list, tuple)):
        for index, each in enumerate(value):
            yield from _texts(each, f"{path}.{index}")
