"""The catalogue is complete, unambiguous, and what the documentation shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2i_eval.core.errors import UsageError
from e2i_eval.faults import FAULTS, Fault, choose
from e2i_eval.faults.page import page

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "faults.md"
CHECKS = {
    "wire", "logging", "trace", "secrets", "completed", "output", "values", "nodes", "tools", "metrics", "params",
    "tags", "budget", "flush", "baseline", "overhead",
}  # fmt: skip
CLASSES = {
    "missing", "wrong", "duplicated", "late", "leaked", "slow", "misattributed", "truncated", "unfinished", "swapped",
    "lost", "counted twice", "behaviour",
}  # fmt: skip


def test_there_are_many_of_every_class() -> None:
    """At least forty-five, and none of the classes is empty."""
    assert len(FAULTS) >= 45
    assert {fault.kind for fault in FAULTS} == CLASSES


def test_names_are_unique() -> None:
    """A name on the command line means one fault."""
    names = [fault.name for fault in FAULTS]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_each_fault_is_told_and_can_be_applied(fault: Fault) -> None:
    """It says what goes wrong, whence it comes, who must notice, and has a way to be put in force."""
    ways = (fault.spans, fault.request, fault.model, fault.call, fault.case)

    assert any(way is not None for way in ways)
    assert fault.summary.endswith(".")
    assert fault.source
    assert fault.checks
    assert set(fault.checks) <= CHECKS


def test_many_come_from_real_reports() -> None:
    """At least fifteen name a thread of a public repository."""
    assert sum("#" in fault.source for fault in FAULTS) >= 15


def test_the_page_is_the_catalogue() -> None:
    """The reference is written from the catalogue: ``python -m e2i_eval.faults.page > docs/reference/faults.md``."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_choosing_keeps_the_catalogues_order() -> None:
    """Whatever order they are named in."""
    names = [FAULTS[5].name, FAULTS[2].name]

    assert [fault.name for fault in choose(names)] == names[::-1]
    assert choose(()) == FAULTS


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    """The message names what was meant."""
    with pytest.raises(UsageError, match="there is no fault 'call-lots'\n  fix: did you mean 'call-lost'"):
        choose(["call-lots"])
