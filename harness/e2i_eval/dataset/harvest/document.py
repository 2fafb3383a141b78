"""The document of a candidate: what its case file says, as YAML that a person can review."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from e2i_eval.core.json_codec import to_json
from e2i_eval.dataset.case_file.case_form import SCHEMA_VERSION, CaseForm
from e2i_eval.dataset.case_file.yaml_document import parse_yaml
from e2i_eval.dataset.harvest.answer import HTTP_ERROR
from e2i_eval.dataset.harvest.recorded_answers import script_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from e2i_eval.core.json_value import JsonObject, JsonValue
    from e2i_eval.dataset.harvest.candidate import Candidate

__all__ = ["HARVESTED", "Wanted", "case_document", "case_text", "flaw"]

HARVESTED = "harvested"
"""Tag of every case made of a trace."""

WIDTH = 120
SHOWN_ERROR_CHARS = 80
NUMBERLIKE = re.compile(r"^[-+.]?[\d.]|^[-+]?\.(?:inf|nan)$", re.IGNORECASE)
"""Texts that YAML 1.2 may take for a number where YAML 1.1 does not, and the other way about."""

Wanted = dict[str, Any]
"""What is right, by dotted path of the output."""


def case_document(candidate: Candidate, *, wanted: Mapping[str, JsonValue] | None = None) -> dict[str, Any]:
    """Return the content of the case file.

    Args:
        candidate: what was harvested.
        wanted: None keeps what came out as what is expected. Otherwise the trace shows a mistake, and these values of
            the output are right; none of them given, a person has to say what is, and until then the case fails.
    """
    expect = _observed(candidate) if wanted is None else _mended(candidate, wanted)
    return {
        "schema": SCHEMA_VERSION,
        "origin": to_json(candidate.origin),
        "inputs": dict(candidate.inputs),
        **({"claude": script} if (script := script_of(candidate.calls)) else {}),
        **({"expect": expect} if expect else {}),
        "tags": [HARVESTED],
    }


def case_text(candidate: Candidate, document: Mapping[str, Any]) -> str:
    """Return the text of the case file; above the document stands what a reviewer has to know."""
    body = yaml.dump(
        dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=None
    )
    return "".join(f"# {note}\n" for note in _notes(candidate)) + body


def flaw(document: Mapping[str, Any], text: str) -> str:
    """Return why a case file cannot be written like this; empty when it can.

    What is read back must be what was meant: YAML has many ways to take a text for something else.
    """
    read = parse_yaml(text)
    if read.problems:
        return f"its values cannot be written as a case: {read.problems[0].what}"
    if read.data != document:
        return "its values would be read back as others"
    try:
        CaseForm.model_validate(read.data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return f"it makes no case: {'.'.join(map(str, first['loc']))} {first['msg']}"
    return ""


def _observed(candidate: Candidate) -> dict[str, Any]:
    expect: dict[str, Any] = {}
    if candidate.error:
        expect["error"] = _error(candidate)
    elif candidate.has_output:
        expect["output"] = candidate.output
        if candidate.uncompared:
            expect["ignore"] = [each.path for each in candidate.uncompared]
    if candidate.nodes:
        order = "unordered" if candidate.is_parallel else "strict"
        expect["nodes"] = {"order": order, "names": list(candidate.nodes)}
    if candidate.calls and not _is_any_order(candidate):
        expect["tools"] = [{"name": name} for name in candidate.tools]
    return expect


def _is_any_order(candidate: Candidate) -> bool:
    """Tell whether tools were called in branches beside each other, whose order another run need not keep."""
    return candidate.is_parallel and len(set(candidate.tools)) > 1


def _error(candidate: Candidate) -> JsonObject:
    """Return the error that must be raised, without what is another text in every run."""
    raised = candidate.error
    assert raised is not None  # noqa: S101  asked for candidates that raised
    rule = {"type": raised.type or "Exception"}
    status = HTTP_ERROR.search(raised.message)
    line = f"Error code: {status['status']}" if status else next(iter(raised.message.splitlines()), "")
    is_steady = 0 < len(line) <= SHOWN_ERROR_CHARS and not re.search(r"0x[0-9a-f]+|\d{6,}|[0-9a-f]{12,}", line)
    return {**rule, "contains": line} if is_steady else rule


def _mended(candidate: Candidate, wanted: Mapping[str, JsonValue]) -> dict[str, Any]:
    """Return what is right; a target that raised need only return to be better than before."""
    if wanted:
        return {"values": {path: {"equals": value} for path, value in wanted.items()}}
    return {} if candidate.error else {"wrong_output": candidate.output}


def _notes(candidate: Candidate) -> Iterator[str]:
    yield f"Made of trace {candidate.origin.trace}."
    if candidate.replaced:
        said = ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in candidate.replaced)
        yield f"Replaced by stand-ins: {said}."
    if candidate.missing:
        yield "No cassette, so it runs in mock mode only:"
        yield from (f"  - {note}" for note in candidate.missing)
    yield from (f"Assumed: {note}" for note in candidate.assumed)
    if _is_any_order(candidate):
        yield "Tools are not compared: branches called them beside each other, in any order."
    yield from (f"Beware: {note}." for note in candidate.warnings)
    yield from (f"Not compared: {each.path}, because {each.why}." for each in candidate.uncompared)


class _Dumper(yaml.SafeDumper):
    """Writes texts so that every reader of YAML takes them for texts, and those of several lines as lines."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  the parent's signature
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else '"' if NUMBERLIKE.search(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
