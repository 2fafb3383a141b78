"""The new process: another hash seed, and its last words when it is gone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from e2i_eval.core.case import Case
from e2i_eval.core.errors import UnknownError
from e2i_eval.runner.families import fresh_process
from e2i_eval.runner.families.declared import Declared
from e2i_eval.runner.families.family_check import Before
from e2i_eval.runner.families.fresh_process import FreshProcess, other_hash_seed

CHECK = Declared(target="a", family="fresh-process", name="b", case="c", path=Path("families.toml"), lines={"": 4})
BEFORE = Before(case=Case(id="a/c", target="a", inputs={}), output=1, error="", status="pass")


@pytest.mark.parametrize("environ", [{}, {"PYTHONHASHSEED": "random"}, {"PYTHONHASHSEED": "1729"}])
def test_hash_seed_is_another_one(environ: dict[str, str]) -> None:
    """Also when this process has been given one of ours."""
    assert other_hash_seed(environ) != environ.get("PYTHONHASHSEED")
    assert other_hash_seed(environ).isdecimal()


def test_a_process_that_is_gone_is_unknown_and_never_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every check that needs it says why; so does the session's end."""
    monkeypatch.setattr(fresh_process, "MODULE", "there_is_no_such_module")
    fresh = FreshProcess({}, os.environ)
    try:
        for _ in range(2):
            with pytest.raises(UnknownError, match=r"ended \(exit code 1\).*there_is_no_such_module"):
                fresh.evaluate(CHECK, "nodeid", BEFORE)
        (lost,) = fresh.finish()
    finally:
        fresh.close()

    assert "there_is_no_such_module" in lost


def test_it_ends_when_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing twice is in order, and leaves no process."""
    monkeypatch.setattr(fresh_process, "MODULE", "http.server")
    fresh = FreshProcess({}, os.environ)
    fresh.close()
    fresh.close()

    assert fresh._process.poll() is not None  # noqa: SLF001  nothing else knows it
