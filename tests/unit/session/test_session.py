"""What the processes of a session share, and the report it leaves."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.case import Case
from e2i_eval.core.errors import ServerError, UsageError
from e2i_eval.core.scratch import Scratch, ScratchFolder
from e2i_eval.core.verdict import Finding, Verdict
from e2i_eval.runner.config.settings import Settings
from e2i_eval.runner.report import CaseResult, Report
from e2i_eval.runner.session import Session
from e2i_eval.testing import InMemoryTracking, ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2i_eval.core.verdict import Status


class Server:
    """A server that notes what is done with it."""

    def __init__(self, store: Path) -> None:
        self.uri = "http://127.0.0.1:1"
        self.store = store
        self.artifacts = store / "artifacts"
        self.notes: tuple[str, ...] = ()
        self.stopped = 0

    def wait_ready(self, timeout_s: float) -> None:
        """Be ready."""
        assert timeout_s > 0

    def stop(self) -> None:
        """Count it."""
        self.stopped += 1


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def settings(root: Path, **changes: object) -> Settings:
    """Return settings with everything below ``root``."""
    values: dict[str, object] = {
        "root": root,
        "golden": root / "golden",
        "targets": {},
        "claude": "mock",
        "only": (),
        "store": None,
        "tracking_uri": None,
        "report": root / "out",
        "cache": root / "cache",
        "tests": (),
        "prices": None,
    }
    return Settings(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """Return a function that starts a session, with changed settings if need be."""
    started: list[Session] = []

    def session(clean: Callable[[Report], Report] = lambda report: report, **changes: object) -> Session:
        started.append(
            Session(
                settings(tmp_path, **changes),
                clock=ManualClock(),
                start_server=Server,
                git={"commit": "0123456789", "branch": "main"},
                clean=clean,
            )
        )
        return started[-1]

    yield session
    for each in started:
        each.close()


def result(name: str, status: Status = "pass", **measurements: float) -> CaseResult:
    """Return a case's result of one verdict."""
    target, _, _ = name.partition("/")
    findings = (Finding(message="wrong", field="answer", expected="a", actual="b", where="x.yaml:3"),)
    verdict = Verdict(check="output", status=status, reason="because", findings=findings, score=0.5)
    return CaseResult(
        case_id=name,
        target=target,
        nodeid=f"golden/{name}",
        where="x.yaml:1",
        verdicts=(verdict,),
        measurements=measurements,
        trace_ids=("tr-1",),
        run_id=name,
    )


def opened(session: Session, tracking: InMemoryTracking, *targets: str) -> None:
    """Open the runs of a session and its targets as a worker does."""
    scratch, ref = Scratch(Path(session.ref.scratch)), session.ref

    def target_run(target: str) -> str:
        return tracking.open_target(session_run_id="", session_id=ref.session_id, target=target, tags={})

    def session_run() -> str:
        return tracking.open_session(session_id=ref.session_id, name=ref.name, tags=ref.tags, params=ref.params)

    scratch.once("session", session_run)
    for target in targets:
        scratch.once(f"target {target}", partial(target_run, target))


def test_the_report_is_written_whole(start: Callable[..., Session], tmp_path: Path) -> None:
    """Totals a target, every case with its verdicts, the session's data; the same on the server."""
    session, tracking = start(), InMemoryTracking()
    opened(session, tracking, "a", "b")
    session.add(result("a/one", input_tokens=10, output_tokens=1, claude_calls=1, cost_usd=0.25, latency_ms=4))
    session.add(result("a/two", "fail", input_tokens=5, claude_calls=2, cost_usd=0.5, latency_ms=8))
    session.add(result("b/one", "error", latency_ms=1))
    report = session.finish(tracking)
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    runs = {run_id: run.status for run_id, run in tracking.runs.items()}

    assert written == json.loads(json.dumps(report.to_json()))
    assert written["schema"] == 1
    assert written["session"]["started_at_s"] == ManualClock().time_s()
    assert written["targets"]["a"] == {
        "cases": 2,
        "cases_passed": 1,
        "cases_failed": 1,
        "cases_error": 0,
        "pass_rate": 0.5,
        "input_tokens": 15,
        "output_tokens": 1,
        "claude_calls": 3,
        "cost_usd": 0.75,
        "latency_p50_ms": 6,
        "latency_max_ms": 8,
    }
    assert "cost_usd" not in written["targets"]["b"]
    assert list(runs.values()) == ["FAILED"] * 3
    stored = json.loads(tracking.runs[report.session["run_id"]].artifacts["report.json"])
    assert stored["cases"] == written["cases"]


def test_the_report_survives_json(start: Callable[..., Session]) -> None:
    """What crosses processes and versions reads back equal; a number that is none is left out."""
    session = start()
    session.add(result("a/one", latency_ms=1.5, broken_ms=float("nan")))
    report = session.finish(InMemoryTracking(), problems=("it rained",))
    read = Report.from_json(json.loads(json.dumps(report.to_json())))

    assert read.problems == ("it rained",)
    assert read.cases[0].measurements == {"latency_ms": 1.5}
    assert read.cases[0].verdicts == report.cases[0].verdicts
    assert read.to_json() == report.to_json()


def test_a_green_session_is_finished_on_the_server(start: Callable[..., Session]) -> None:
    """A problem of the session makes it fail there too."""
    endings = {}
    for problems in ((), ("it rained",)):
        session, tracking = start(), InMemoryTracking()
        opened(session, tracking, "a")
        session.add(result("a/one", cost_usd=0))
        report = session.finish(tracking, problems=problems)
        endings[problems] = tracking.runs[report.session["run_id"]].status

    assert endings == {(): "FINISHED", ("it rained",): "FAILED"}


def test_a_case_without_a_result_is_named(start: Callable[..., Session]) -> None:
    """Its run is ended as killed, and its target's run although no case of it has a result."""
    session, tracking = start(), InMemoryTracking()
    opened(session, tracking, "a")
    begun = Case(id="a/one", target="a", inputs={})
    tracking.open_case(target_run_id="a", session_id=session.ref.session_id, case=begun, nodeid="x")
    report = session.finish(tracking)

    assert report.problems == ("case a/one was begun and has no result; its run was ended as KILLED",)
    assert [run.status for run in tracking.runs.values()] == ["FAILED", "FAILED", "KILLED"]


@pytest.mark.parametrize("dies_after", [2, 3, 4])
def test_a_server_that_dies_is_a_problem(start: Callable[..., Session], tmp_path: Path, dies_after: int) -> None:
    """The report is written all the same."""
    session, tracking = start(), InMemoryTracking(dies_after=dies_after)
    opened(session, tracking, "a")
    session.add(result("a/one"))
    report = session.finish(tracking)

    told = "the session could not be recorded completely: the tracking server in memory"
    assert report.problems
    assert all(problem.startswith(told) for problem in report.problems)
    assert json.loads((tmp_path / "out" / "report.json").read_text())["problems"] == list(report.problems)


def test_a_session_without_a_case_asks_for_nothing(start: Callable[..., Session]) -> None:
    """No run was opened, so there is none to close."""
    tracking = InMemoryTracking(dies_after=0)

    assert start().finish(tracking).problems == ()


def test_a_report_that_cannot_be_written_is_a_problem(start: Callable[..., Session], tmp_path: Path) -> None:
    """Nothing half written is left, and the screen still has the results."""
    session = start()
    (tmp_path / "out" / "report.json").mkdir()
    session.add(result("a/one"))
    report = session.finish(InMemoryTracking())

    assert "the report could not be written" in report.problems[0]
    assert [case.case_id for case in report.cases] == ["a/one"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.json"]


def test_the_report_is_readable_by_others(start: Callable[..., Session], tmp_path: Path) -> None:
    """A pipeline's next step often runs as somebody else."""
    before = os.umask(0o022)
    try:
        start().finish(InMemoryTracking())
    finally:
        os.umask(before)

    assert (tmp_path / "out" / "report.json").stat().st_mode & 0o777 == 0o644


def test_a_report_folder_that_is_a_file(start: Callable[..., Session], tmp_path: Path, temporary: Path) -> None:
    """Refused before anything is started."""
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError, match="--e2i-report=DIR"):
        start()

    assert list(temporary.iterdir()) == []


def test_the_store_is_where_it_was_asked_for(start: Callable[..., Session], tmp_path: Path, temporary: Path) -> None:
    """Kept, thrown away with the session, or none at all on a server of the team's."""
    kept, thrown, teams = start(store=tmp_path / "kept"), start(), start(tracking_uri="http://team")

    assert isinstance(kept.server, Server)
    assert isinstance(thrown.server, Server)
    assert kept.server.store == tmp_path / "kept"
    assert thrown.server.store.is_relative_to(temporary)
    assert teams.server is None
    assert (kept.ref.uri, teams.ref.uri) == ("http://127.0.0.1:1", "http://team")


def test_closing_twice_leaves_nothing(start: Callable[..., Session], temporary: Path) -> None:
    """The server is stopped, the temporary folder gone."""
    session = start()
    session.close()
    session.close()

    assert isinstance(session.server, Server)
    assert session.server.stopped
    assert list(temporary.iterdir()) == []


def test_a_server_that_does_not_start_leaves_nothing(tmp_path: Path, temporary: Path) -> None:
    """Neither does it hide why."""

    def refuse(_: Path) -> Server:
        message = "no port"
        raise ServerError(message)

    with pytest.raises(ServerError, match="no port"):
        Session(settings(tmp_path), clock=ManualClock(), start_server=refuse, git={})

    assert list(temporary.iterdir()) == []


def test_what_a_killed_session_left_is_removed(temporary: Path) -> None:
    """Not what is in use, not what is young, and not what is somebody else's."""
    used, killed, young = ScratchFolder(), ScratchFolder(), ScratchFolder()
    foreign = temporary / "e2i-eval-test-cache"
    foreign.mkdir()
    for left in (killed, young):
        left._alive.release()  # noqa: SLF001  as the kernel does when the process ends
    for old in (used.path, killed.path, foreign):
        os.utime(old, (0, 0))
    new = ScratchFolder()

    assert set(temporary.iterdir()) == {used.path, young.path, foreign, new.path}
    for each in (used, young, new):
        each.remove()


def test_a_value_is_made_once(tmp_path: Path) -> None:
    """By whoever asks first; a file half written is never read."""
    first, second = Scratch(tmp_path), Scratch(tmp_path)

    assert first.once("key", lambda: "first") == second.once("key", lambda: "second") == "first"
    assert second.values() == {"key": "first"}


def test_no_secret_is_in_what_is_written(start: Callable[..., Session], tmp_path: Path) -> None:
    """Neither the password of a server's address nor what the environment calls a secret."""
    session = start(
        tracking_uri="http://me:hush-hush@team:5000",
        clean=lambda report: replace(report, problems=tuple(p.replace("s3cret", "***") for p in report.problems)),
    )
    session.finish(InMemoryTracking(), problems=("it said s3cret",))
    (file,) = tmp_path.rglob("report.json")
    text = file.read_text()

    assert "hush-hush" not in text
    assert '"tracking_uri": "http://team:5000"' in text
    assert "s3cret" not in text
