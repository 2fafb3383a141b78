"""The shop's own checks: one as a plain function, one with a name, and some that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval import Finding, Verdict, check

if TYPE_CHECKING:
    from e2i_eval import Evidence


def names_a_day(evidence: Evidence) -> Verdict | None:
    """The answer says on which day."""
    answer = _answer(evidence)
    if not answer:
        return None
    return Verdict(status="pass" if "Monday" in answer else "fail", reason=f"the answer is {answer!r}", score=1.0)


@check(name="apologetic")
def says_sorry(evidence: Evidence) -> Verdict:
    """The answer says that the shop is sorry, which it never does."""
    finding = Finding(message="the shop is not sorry", field="answer", expected="sorry", actual=_answer(evidence))
    return Verdict(status="fail", reason="no word of regret", findings=(finding,))


def breaks(evidence: Evidence) -> Verdict:
    """Ask for a key that no answer has."""
    return Verdict(status="pass", reason=str(evidence.run.output["rating"]))


def never_applies(evidence: Evidence) -> None:
    """Leave every case alone."""
    del evidence


def asks_the_wire(evidence: Evidence) -> Verdict:
    """Claude was asked three times, and the server has it in as many traces as it was called."""
    asked, traces = len(evidence.exchanges), evidence.traces or ()
    holds = asked == 3 and len(traces) == 1 and traces[0].nodes() == ("plan", "act", "answer")
    return Verdict(status="pass" if holds else "fail", reason=f"{asked} calls, {len(traces)} traces")


def _answer(evidence: Evidence) -> str:
    return str((evidence.run.output or {}).get("answer", ""))
