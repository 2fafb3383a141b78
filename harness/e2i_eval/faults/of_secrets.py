"""Faults: what must never be logged is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_eval.faults.fault import Need
from e2i_eval.faults.fault_list import FaultList
from e2i_eval.faults.needs import A_TRACE
from e2i_eval.faults.sent_span import TRACE_TAG, Spans, calls, root

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from e2i_eval.faults.control_run import ControlRun

__all__ = ["SECRET_FAULTS"]

KEY = "sk-ant-api03-" + "NotARealKey0" * 4
BEARER = "Bearer " + "NotARealToken7" * 3
NUMBERS = ("NPI: 1234567893", "MRN: AB-1234567", "123-45-6789")
MAILS = ("jane.doe@hospital.example",)
PHONES = ("+1 212 555 0142", "(212) 555-0142", "212-555-0142")
"""Samples of what contracts forbid; the first one of a kind that a contract's patterns match is leaked."""

SECRET_FAULTS = FaultList(kind="leaked", place="log", checks=("secrets",))
"""Credentials, then what identifies a person."""


@SECRET_FAULTS.spans(
    "key-in-tag",
    "An API key stands in a tag.",
    source="BerriAI/litellm#13705: keys in the attributes of retried calls",
    says="key",
    needs=(A_TRACE,),
)
def leak_key_into_tag(spans: Spans, _control_run: ControlRun) -> Spans:
    """Write a key where everybody can read it."""
    if (first := root(spans)) is not None:
        first.attributes[TRACE_TAG + "debug"] = f"client made with {KEY}"
    return spans


@SECRET_FAULTS.spans(
    "header-in-span",
    "A request is logged with its authorization header.",
    source="getsentry/seer#1703, traceloop/openllmetry#4150: headers of recorded requests",
    says="bearer|token|credential|authori",
    needs=(A_TRACE,),
)
def leak_header(spans: Spans, _control_run: ControlRun) -> Spans:
    """Log a request with its headers."""
    for span in calls(spans) or spans[:1]:
        span.attributes["http.request.headers"] = {"authorization": BEARER}
    return spans


def leaking(samples: Collection[str]) -> Callable[[Spans, ControlRun], Spans]:
    """Log a question with what identifies a person in it."""

    def leak(spans: Spans, control_run: ControlRun) -> Spans:
        for span in spans[:1]:
            span.attributes["question.raw"] = f"what of {_forbidden(samples, control_run)}?"
        return spans

    return leak


def forbids(what: str, samples: Collection[str]) -> Need:
    """Ask for a contract that forbids one of ``samples``."""
    return Need(what=f"no contract forbids {what}", is_met=lambda control_run: bool(_forbidden(samples, control_run)))


SECRET_FAULTS.spans(
    "identifier-in-span",
    "The number of a patient or a prescriber is logged.",
    source="DataDog/dd-trace-py#10517: inputs hold what must not be kept",
    needs=(A_TRACE, forbids("the numbers of persons", NUMBERS)),
)(leaking(NUMBERS))


SECRET_FAULTS.spans(
    "email-in-span",
    "An e-mail address is logged.",
    source="seen on a platform of this kind: questions of persons are logged with who asked",
    says="mail",
    needs=(A_TRACE, forbids("e-mail addresses", MAILS)),
)(leaking(MAILS))


SECRET_FAULTS.spans(
    "phone-in-span",
    "A phone number is logged.",
    source="own: a field nobody called a phone number",
    says="phone",
    needs=(A_TRACE, forbids("phone numbers", PHONES)),
)(leaking(PHONES))


def _forbidden(samples: Collection[str], control_run: ControlRun) -> str:
    """Return the first sample the contract forbids; empty when it forbids none."""
    patterns = control_run.contract.secrets.patterns.values()
    return next((each for each in samples if any(re.search(pattern, each) for pattern in patterns)), "")
