"""Projects of strangers that ``pytest --e2i-eval`` is let loose on, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SHOP = Path(__file__).parents[1] / "samples" / "shop"
CACHE = Path(tempfile.gettempdir()) / "e2i-eval-test-cache"
"""Outlives the tests: the template of the database is worth keeping."""

NOT_A_STRANGERS = ("MLFLOW_", "ANTHROPIC_", "E2I_", "PYTEST_", "GITHUB_", "CI", "COV_CORE_")
RUN_TIMEOUT_S = 400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended.

    Attributes:
        code: the exit code.
        screen: what it printed, errors included.
        report: ``report.json``; empty when there is none.
        duration_s: from start to the process's end.
    """

    code: int
    screen: str
    report: dict[str, Any] = field(default_factory=dict)
    duration_s: float = 0.0

    @property
    def cases(self) -> dict[str, dict[str, Any]]:
        """The report's cases by id."""
        return {case["case_id"]: case for case in self.report["cases"]}

    @property
    def statuses(self) -> dict[str, str]:
        """The report's verdicts by case id."""
        return {name: case["status"] for name, case in self.cases.items()}

    def reasons(self, case_id: str) -> str:
        """Return all that is wrong with a case, as text."""
        wrong = [each for each in self.cases[case_id]["verdicts"] if each["status"] not in {"pass", "skip"}]
        return json.dumps(wrong, ensure_ascii=False)


class Project:
    """A copy of the shop, with a temporary folder of its own, where nothing may be left."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "shop"
        self.temporary = home / "tmp"
        self.temporary.mkdir()
        shutil.copytree(SHOP, self.folder)

    @property
    def refund(self) -> str:
        """The sample's case."""
        return (SHOP / "golden" / "cases" / "support" / "refund.yaml").read_text()

    def write(self, path: str, text: str) -> Path:
        """Write a file of the project."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    def configure(self, text: str) -> None:
        """Add to ``pyproject.toml``."""
        with (self.folder / "pyproject.toml").open("a") as file:
            file.write("\n" + textwrap.dedent(text))

    def add_target(self, name: str, *, case: str | None = None, **keys: str) -> None:
        """Add a target with one case; the sample's own unless ``case`` is given."""
        lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        self.configure("\n".join([f"[tool.e2i_eval.targets.{name}]", *lines]))
        self.write(f"golden/cases/{name}/one.yaml", self.refund if case is None else case)

    def environ(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a stranger's process, with ``env`` on top."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(NOT_A_STRANGERS)}
        return {**own, "TMPDIR": str(self.temporary), "E2I_EVAL_CACHE": str(CACHE), **env}

    def start(self, *args: str, env: Mapping[str, str] | None = None, enable: bool = True) -> subprocess.Popen[str]:
        """Start pytest in the project, with ``--e2i-eval`` unless ``enable`` is False."""
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "no:benchmark", *(["--e2i-eval"] if enable else []), *args],
            cwd=self.folder,
            env=self.environ(env or {}),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def end(self, process: subprocess.Popen[str], *, report: str = ".e2i") -> Outcome:
        """Wait for a started run."""
        begun_s = time.monotonic()
        screen, _ = process.communicate(timeout=RUN_TIMEOUT_S)
        duration_s = time.monotonic() - begun_s
        file = self.folder / report / "report.json"
        read = json.loads(file.read_text()) if file.exists() else {}
        return Outcome(code=process.returncode, screen=screen, report=read, duration_s=duration_s)

    def run(
        self, *args: str, env: Mapping[str, str] | None = None, report: str = ".e2i", enable: bool = True
    ) -> Outcome:
        """Run ``pytest --e2i-eval`` in the project to its end."""
        return self.end(self.start(*args, env=env, enable=enable), report=report)

    def files(self) -> set[str]:
        """Return the project's files, compiled ones left out."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
        return {str(path.relative_to(self.folder)) for path in files}

    def servers(self) -> list[psutil.Process]:
        """Return the tracking servers that were started from this project, still running."""
        return [process for process in psutil.process_iter() if self._is_server(process)]

    def _is_server(self, process: psutil.Process) -> bool:
        """Tell by its folder: a server works in its store, everything else of a project in the project."""
        try:
            folder = Path(process.cwd())
        except psutil.Error:
            return False
        mine = folder.is_relative_to(self.folder.parent) and folder != self.folder
        return mine and process.status() != psutil.STATUS_ZOMBIE


@pytest.fixture(scope="module", autouse=True)
def started_warm(warm_python: None) -> None:
    """Have all sessions of these tests start warm, but for those of tests that ask for ``cold_python``."""


@pytest.fixture(scope="session")
def cache() -> Path:
    """The cache folder that all projects share."""
    return CACHE


@pytest.fixture(scope="session")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    """Return a function that makes a project."""
    return lambda: Project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def project(new_project: Callable[[], Project]) -> Project:
    """A project of the test's own."""
    return new_project()


class Upstream(ThreadingHTTPServer):
    """The API of a test, on the loopback interface: it answers whoever has the key, and counts.

    Attributes:
        url: what clients are told.
        content: what a request is answered with.
        key: which key it wants; empty for any.
        asked: the requests.
    """

    def __init__(self, content: Callable[[dict[str, Any]], dict[str, Any]], *, key: str = "") -> None:
        """Take what to answer, and a free port."""
        super().__init__(("127.0.0.1", 0), _Messages)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.content = content
        self.key = key
        self.asked: list[dict[str, Any]] = []


class _Messages(BaseHTTPRequestHandler):
    server: Upstream

    def do_POST(self) -> None:
        """Answer one request for a message."""
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(request)
        content = self.server.content(request)
        body = {
            "id": f"msg_{len(json.dumps(request))}",
            "type": "message",
            "role": "assistant",
            "model": request["model"],
            "content": [content],
            "stop_reason": "tool_use" if content["type"] == "tool_use" else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 50, "output_tokens": 9},
        }
        answer = json.dumps(body).encode()
        given = f"{self.headers.get('x-api-key')} {self.headers.get('authorization')}"
        self.send_response(200 if self.server.key in given else 401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_args: object) -> None:
        """Keep the screen to pytest."""


def shop_content(request: dict[str, Any]) -> dict[str, Any]:
    """Answer the sample's agent: plan, look up, and always Monday."""
    if "tool_result" in json.dumps(request["messages"]):
        return {"type": "text", "text": "It was paid on Monday."}
    if "Carry out" in request["system"]:
        return {"type": "tool_use", "id": "toolu_1", "name": "lookup_order", "input": {"order_id": 7}}
    return {"type": "text", "text": "look it up"}


@pytest.fixture
def upstream() -> Iterator[Callable[..., Upstream]]:
    """Return what starts an API; it answers the sample's agent unless another place is given."""
    started: list[tuple[Upstream, threading.Thread]] = []

    def start(content: Callable[[dict[str, Any]], dict[str, Any]] = shop_content, *, key: str = "") -> Upstream:
        server = Upstream(content, key=key)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        started.append((server, thread))
        return server

    yield start
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def claude_uri(upstream: Callable[..., Upstream]) -> str:
    """Where an API answers the sample's agent."""
    return upstream().url
