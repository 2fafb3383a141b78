"""A tracking server that dies or freezes, and one that must not be spoken to at all."""

from __future__ import annotations

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from tests.plugin.conftest import Outcome, Project

AGENT = '''
"""An agent that strikes down the server it logs to, and answers all the same."""

import os
import signal
from urllib.parse import urlsplit

import psutil

from shop.agents import build_support


def killer(inputs):
    return strike(signal.SIGKILL, inputs)


def freezer(inputs):
    return strike(signal.SIGSTOP, inputs)


def strike(blow, inputs):
    port = urlsplit(os.environ["MLFLOW_TRACKING_URI"]).port
    for each in psutil.net_connections("tcp4"):
        if each.status == psutil.CONN_LISTEN and each.laddr.port == port:
            os.kill(each.pid, blow)
    return build_support().invoke(inputs)
'''

MESSAGE = "does not answer since case outage/one"
ANSWER_LIMIT_MS = 2_000.0
"""An agent's answer on a busy machine; a call that waited for the server would take five seconds at least."""


def struck(project: Project, entry: str) -> subprocess.Popen[str]:
    """Start a run whose second target of three strikes the server down."""
    project.write("shop/outage.py", AGENT)
    project.add_target("calm", entry="shop.agents:build_support", logging="mlflow.langchain:autolog")
    project.add_target("outage", entry=f"shop.outage:{entry}", logging="mlflow.langchain:autolog")
    return project.start()


@pytest.fixture(scope="module")
def outcomes(new_project: Callable[[], Project]) -> dict[str, Outcome]:
    """A run whose server is killed, and beside it one whose server is frozen."""
    projects = {entry: new_project() for entry in ("killer", "freezer")}
    processes = {entry: struck(project, entry) for entry, project in projects.items()}
    outcomes = {entry: project.end(processes[entry]) for entry, project in projects.items()}
    assert [project.servers() for project in projects.values()] == [[], []]
    return outcomes


@pytest.fixture(params=["killer", "freezer"])
def outcome(request: pytest.FixtureRequest, outcomes: dict[str, Outcome]) -> Outcome:
    """Either of them."""
    return outcomes[request.param]


def test_what_is_not_known_is_no_pass(outcome: Outcome) -> None:
    """The case before passes, the one that was running and the one after it are unknown, and the run fails."""
    assert outcome.code == pytest.ExitCode.TESTS_FAILED
    assert outcome.statuses == {"calm/one": "pass", "outage/one": "error", "support/refund": "error"}
    assert MESSAGE in outcome.reasons("support/refund")


def test_the_report_says_it(outcome: Outcome) -> None:
    """The problems name the server once, not once a request."""
    problems = [problem for problem in outcome.report["problems"] if MESSAGE in problem]

    assert 1 <= len(problems) <= 2, outcome.report["problems"]
    assert MESSAGE in outcome.screen
    assert "Traceback" not in outcome.screen


def test_the_agents_answer_as_ever(outcome: Outcome) -> None:
    """No agent waits for a server that is gone."""
    for case in outcome.cases.values():
        assert {each["check"]: each["status"] for each in case["verdicts"]}["output"] == "pass"
        assert case["measurements"]["latency_ms"] < ANSWER_LIMIT_MS


def test_the_runs_end_in_seconds(outcomes: dict[str, Outcome]) -> None:
    """Both, where MLflow's own client would try again for minutes each; 25 seconds together on an idle machine."""
    assert sum(outcome.duration_s for outcome in outcomes.values()) < 170.0


class Listener(BaseHTTPRequestHandler):
    """Counts what it is asked."""

    asked: list[str]

    def do_GET(self) -> None:
        """Count the request and refuse."""
        self.asked.append(f"{self.command} {self.path}")
        self.send_error(500)

    do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815  the names are the base class's

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def production() -> Iterator[tuple[str, list[str]]]:
    """A server of the user's: its address and the requests it got."""
    asked: list[str] = []
    handler = type("Counting", (Listener,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


EAGER = """
import mlflow
import pytest

mlflow.log_metric("logged_while_imported", 1)


@pytest.mark.e2i("support")
def test_run_of_its_own(evaluate):
    mlflow.log_param("logged_between_cases", 1)
"""


def test_the_users_own_server_is_never_asked(project: Project, production: tuple[str, list[str]]) -> None:
    """Whatever the shell says of a server, a run, an experiment, a registry or a collector."""
    uri, asked = production
    project.write("evals/test_eager.py", EAGER)
    env = {
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_REGISTRY_URI": uri,
        "MLFLOW_RUN_ID": "0" * 32,
        "MLFLOW_EXPERIMENT_ID": "12345",
        "MLFLOW_EXPERIMENT_NAME": "production",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{uri}/v1/traces",
    }

    outcome = project.run(env=env)

    assert asked == []
    assert outcome.code == pytest.ExitCode.OK, outcome.screen
    assert outcome.statuses == {"support/refund": "pass"}
    assert "MLFLOW_RUN_ID" not in os.environ
