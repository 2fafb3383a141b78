"""A function of the project becomes a check, or is refused with what to write; what it returns is taken with care."""

from __future__ import annotations

import ast
import functools
import re
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from e2i_eval.checks import judge
from e2i_eval.checks.custom import BUILT_IN, custom_check, refuse_twins
from e2i_eval.core.case import Case
from e2i_eval.core.check import check
from e2i_eval.core.errors import UsageError
from e2i_eval.core.evidence import Evidence
from e2i_eval.core.run import Run
from e2i_eval.core.verdict import Finding, Verdict
from e2i_eval.runner.config.settings import TargetSettings
from e2i_eval.runner.evaluation.targets import target_checks
from e2i_eval.runner.live.case_key import case_key

if TYPE_CHECKING:
    from collections.abc import Callable

HARNESS = Path(__file__).parents[3] / "harness" / "e2i_eval"
EVIDENCE = Evidence(
    case=Case(id="shop/one", target="shop", inputs={}),
    run=Run(output={"answer": "Yes."}, error=None, started_at_s=0.0, duration_s=0.0),
)


def polite(evidence: Evidence) -> Verdict | None:
    """Pass."""
    return Verdict(status="pass", reason=str(evidence.run.output))


async def late(evidence: Evidence) -> Verdict | None:
    """Pass, after a while."""
    return polite(evidence)


def slow(evidence: Evidence) -> Any:  # noqa: ANN401  a generator function
    """Yield a verdict."""
    yield polite(evidence)


def pair(evidence: Evidence, limit: int) -> Verdict | None:
    """Want more than the evidence."""
    return polite(evidence) if limit else None


class Meter:
    """A callable with a state."""

    def __init__(self, limit: int = 3) -> None:
        self.limit = limit

    def __call__(self, evidence: Evidence) -> Verdict:
        """Pass."""
        return Verdict(status="pass", score=self.limit / 4, reason=evidence.case.id)

    def measured(self, evidence: Evidence) -> Verdict:
        """Pass."""
        return self(evidence)


@pytest.fixture(autouse=True)
def rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module with the functions above, as entries name them."""
    module = types.ModuleType("rules")
    vars(module).update({each.__name__: each for each in (polite, late, slow, pair, Meter)}, number=7, meter=Meter())
    vars(module).update(output=check(polite, name="output"), judged=check(polite, name="judge.tone"))
    vars(module).update(nameless=functools.partial(pair, limit=1), odd=check(polite, name="so polite"))
    monkeypatch.setitem(sys.modules, "rules", module)


def verdict(function: Callable[..., object]) -> Verdict:
    """Judge the evidence by one function."""
    (given,) = judge((check(cast("Any", function)),), EVIDENCE)
    return given


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("rules:polite", "polite"),
        (polite, "polite"),
        (check(polite), "polite"),
        (check(polite, name="kind"), "kind"),
        (check(check(polite, name="kind"), name="kinder"), "kinder"),
        (check(name="never-long")(polite), "never-long"),
        (check(functools.partial(pair, limit=2), name="short"), "short"),
        (check(Meter(), name="meter"), "meter"),
        (Meter().measured, "measured"),
    ],
)
def test_what_is_a_check(entry: Any, name: str) -> None:  # noqa: ANN401  an entry may be anything
    """A name of a function, a function, a method, a partial, an object that is called; each judges under its name."""
    made = custom_check(entry, owner="target 'shop'", where="pyproject.toml:7")

    (given,) = judge((made,), EVIDENCE)

    assert made.name == given.check == name
    assert given.status == "pass"


@pytest.mark.parametrize(
    ("entry", "what", "fix"),
    [
        ("rules", "is not of the form 'module:attribute'", '"shop.checks:polite"'),
        ("rulse:polite", "does not import: ModuleNotFoundError: No module named 'rulse'", "-c 'import rulse'"),
        ("jsn:polite", "does not import: ModuleNotFoundError: No module named 'jsn'", "did you mean 'json'?"),
        ("json.decodr:x", "does not import: ModuleNotFoundError:", "did you mean 'json.decoder'?"),
        ("rules:polit", "rules has no 'polit'", "did you mean 'polite'? it has: Meter, "),
        ("rules:number", "is 7 (int), no function", "name a function that takes the evidence"),
        ("rules:Meter", "is the class Meter, no function", "name a function"),
        ("rules:pair", "takes (evidence: 'Evidence', limit: 'int') -> 'Verdict | None', and a check", "def polite("),
        ("rules:late", "is async, and a check is a plain function", "asyncio.run(...)"),
        ("rules:slow", "is a generator, and a check is a plain function", "write it with def and return"),
        ("rules:meter", "has no name", 'check(function, name="polite")'),
        ("rules:nameless", "has no name", 'check(function, name="polite")'),
        ("rules:odd", "has no name that could be shown: 'so polite'", 'name="polite"'),
        ("rules:output", "is named 'output', as a built-in check is", "but not 'ablation', 'baseline', 'behaviour'"),
        ("rules:judged", "is named 'judge.tone', as a built-in check is", "but not what begins with 'judge.'"),
    ],
)
def test_what_is_none(entry: str, what: str, fix: str) -> None:
    """Refused before anything runs: whose it is, the value, the line, what to write."""
    settings = TargetSettings(
        name="shop",
        entry="shop:build",
        where="pyproject.toml:7",
        checks=(entry,),
        places={"checks": "pyproject.toml:9"},
    )

    with pytest.raises(UsageError) as caught:
        target_checks(settings)

    assert str(caught.value).startswith(f"pyproject.toml:9: checks = {entry!r} of target 'shop'")
    assert what in caught.value.what
    assert fix in (caught.value.fix or "")


def test_two_of_one_name() -> None:
    """Nobody could tell their verdicts apart."""
    with pytest.raises(UsageError, match="case 'shop/one' has 2 checks named 'polite'"):
        refuse_twins([check(polite), check(Meter(), name="polite")], owner="case 'shop/one'", where="one.yaml:3")


def test_none_is_a_skip() -> None:
    """The check does not apply, and says so."""
    given = verdict(lambda _evidence: None)

    assert (given.check, given.status, given.reason) == ("<lambda>", "skip", "the check does not apply to this case")


@pytest.mark.parametrize(
    ("given", "part"),
    [
        (True, "the check returned True, which is no Verdict: return Verdict(status="),
        (Verdict(check="output", status="pass"), "returned a verdict named 'output': leave check= out of Verdict(...)"),
        (Verdict(check="other", status="pass"), "returned a verdict named 'other'"),
        (Verdict(status=cast("Any", "ok")), "status is 'ok': write one of 'pass', 'fail', 'error', 'skip'"),
        (Verdict(status="pass", score=float("nan")), "score is nan: give a number from 0 to 1"),
        (Verdict(status="pass", score=3), "score is 3"),
        (Verdict(status="pass", score=True), "score is True"),
        (Verdict(status="fail", findings=cast("Any", None)), "findings are None: write findings=(Finding(...),)"),
        (Verdict(status="fail", findings=cast("Any", ["bad"])), "'bad' among the verdict's findings is no Finding"),
        (Verdict(status="fail", reason=cast("Any", 3)), "the verdict's reason is 3, which is no text"),
        (
            Verdict(status="fail", findings=(Finding(message="m", field="f", expected=cast("Any", 3)),)),
            "expected of a finding is 3, which is no text: write str(...)",
        ),
    ],
)
def test_what_is_no_verdict_is_an_error(given: object, part: str) -> None:
    """Never a pass, and never lost: what is wrong, what to write, and where the check is."""
    line = test_what_is_no_verdict_is_an_error.__code__.co_firstlineno

    def wrong(evidence: Evidence) -> object:
        return given if evidence else None

    found = verdict(wrong)

    assert (found.check, found.status) == ("wrong", "error")
    assert part in found.reason
    place = re.search(r"\(([^()]+):(\d+)\)$", found.reason)
    assert place is not None
    assert place[1] == __file__
    assert int(place[2]) > line


def test_findings_may_be_a_list() -> None:
    """They are kept as a tuple."""
    finding = Finding(message="m", field="f")

    assert verdict(lambda _evidence: Verdict(status="fail", findings=cast("Any", [finding]))).findings == (finding,)


def test_a_coroutine_is_no_verdict() -> None:
    """One that slipped through, as of a lambda, is closed and named."""
    found = verdict(lambda evidence: late(evidence))  # noqa: PLW0108  not the coroutine function itself

    assert found.status == "error"
    assert "<coroutine object late" in found.reason


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (KeyError("rating"), "KeyError: 'rating'"),
        (SystemExit(3), "SystemExit: 3"),
        (pytest.skip.Exception("not today"), "Skipped: not today"),
    ],
)
def test_whatever_it_raises_is_an_error(error: BaseException, shown: str) -> None:
    """With the line of the user's code, not the library's that raised; a skipped test would hide the case."""

    def breaks(_evidence: Evidence) -> Verdict:
        raise error

    found = verdict(breaks)

    line = breaks.__code__.co_firstlineno + 1
    assert (found.status, found.reason) == ("error", f"the check itself broke: {shown} ({__file__}:{line})")


def test_the_line_is_the_users() -> None:
    """The standard library raises, the user called it."""

    def parses(evidence: Evidence) -> Verdict:
        return Verdict(status="pass", reason=str(ast.literal_eval(f"({evidence.case.id}")))

    reason = verdict(parses).reason

    assert reason.startswith("the check itself broke: SyntaxError")
    assert reason.endswith(f"({__file__}:{parses.__code__.co_firstlineno + 1})")


def test_ctrl_c_still_ends_the_session() -> None:
    """It is nobody's error."""

    def interrupted(_evidence: Evidence) -> Verdict:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verdict(interrupted)


def test_no_built_in_name_is_free() -> None:
    """Every name under which this package gives a verdict is refused to others."""
    text = "\n".join(file.read_text() for file in HARNESS.rglob("*.py"))
    families = re.findall(r'"([a-z-]+)"', re.search(r"^Family = Literal\[(.*?)\]", text, re.MULTILINE | re.DOTALL)[1])  # type: ignore[index]
    constants = dict(re.findall(r'^(NAME|REPEATS|OUTAGE) = "([a-z-]+)"$', text, re.MULTILINE))
    checks = (HARNESS / "checks", HARNESS / "runner" / "families")
    named = {name for folder in checks for file in folder.rglob("*.py") for name in _names(file)}
    literal = set(re.findall(r'(?:Verdict\(check|NamedCheck\(name)="([a-z-]+)"', text))

    assert {"output", "logging", "provenance-tag"} <= named
    assert {*named, *literal, *families, *constants.values()} <= BUILT_IN


def _names(file: Path) -> list[str]:
    return re.findall(r'^NAME = "([a-z-]+)"$', file.read_text(), re.MULTILINE)


def test_a_cases_key_knows_its_checks() -> None:
    """A live run that is gone on with runs a case again when it is judged by others."""
    case = Case(id="shop/one", target="shop", inputs={})
    judged, again = (Case(id="shop/one", target="shop", inputs={}, checks=(each,)) for each in (polite, check(polite)))

    assert case_key(judged, None) == case_key(again, None) != case_key(case, None)
