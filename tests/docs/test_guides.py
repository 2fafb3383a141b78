"""The guides are executed whole, block after block, as a reader would type them: a block that is not fails the test."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import urllib3
import yaml

from e2i.mlops import call_queue

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN_ADDRESS = "http://localhost:5000"
SHOWN_PORT = "--port 5000"
COMMAND_TIMEOUT_S = 300.0
SERVER_START_TIMEOUT_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    line: int


@dataclass(slots=True, kw_only=True)
class Reader:
    """Types what a page shows, in a folder that stands for the root of the repository.

    ``bash`` runs in a shell and hands its exports on; a server is started on a port of its own and left running.
    ``python`` runs in one module a page. ``yaml`` with a path in its first line becomes that file, which a later
    block must use. ``text`` is what the block before it must have printed. Anything else is an error.
    """

    name: str
    folder: Path
    address: str
    """The server that stands for the one shown."""
    monkeypatch: pytest.MonkeyPatch
    printed: str | None = None
    """What the last block printed; None when the last block prints nothing."""
    files: set[str] = field(default_factory=set)
    """Files that no block has used yet."""
    servers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    module: types.ModuleType = field(init=False)

    def __post_init__(self) -> None:
        self.module = types.ModuleType("guide_page")
        sys.modules[self.module.__name__] = self.module  # TypedDicts look their module up

    def read(self, page: str) -> None:
        """Execute every block of a page."""
        for match in FENCE.finditer(page):
            block = Block(language=match[1], text=match[2], line=page.count("\n", 0, match.start(2)) + 1)
            self.files = {file for file in self.files if file not in block.text}
            handle = getattr(self, f"_{block.language or 'nothing'}", None)
            assert handle is not None, f"{self.name}:{block.line}: a block of kind {block.language!r} is not executed"
            handle(block)
        assert not self.files, f"{self.name}: no block uses {self.files}"

    def close(self) -> None:
        """Stop what was started."""
        call_queue.close()
        for server in self.servers:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(60)

    def _bash(self, block: Block) -> None:
        command = block.text.replace(SHOWN_ADDRESS, self.address)
        if re.search(r"^mlflow server", command, re.MULTILINE):
            self._start_server(command)
            return
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{command}\nenv -0 > .exported"],
            cwd=self.folder,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{self.name}:{block.line}: {done.stderr}"
        self.printed = done.stdout
        for entry in (self.folder / ".exported").read_text().split("\0"):
            variable, _, value = entry.partition("=")
            if variable.startswith(("MLFLOW_", "E2I_")):
                self.monkeypatch.setenv(variable, value)

    def _start_server(self, command: str) -> None:
        port = self.address.rsplit(":", 1)[-1]
        assert SHOWN_PORT in command
        shell = ["bash", "-euo", "pipefail", "-c", command.replace(SHOWN_PORT, f"--port {port}")]
        with (self.folder / "server.log").open("wb") as log:
            self.servers.append(
                subprocess.Popen(
                    shell, cwd=self.folder, env=_environment(), start_new_session=True, stdout=log, stderr=log
                )
            )
        deadline = time.monotonic() + SERVER_START_TIMEOUT_S
        while time.monotonic() < deadline and self.servers[-1].poll() is None:
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                if urllib3.request("GET", f"{self.address}/health", timeout=5.0, retries=False).status == 200:
                    return
            time.sleep(0.2)
        pytest.fail(f"the server did not start: {(self.folder / 'server.log').read_text()}")

    def _python(self, block: Block) -> None:
        text = block.text.replace(SHOWN_ADDRESS, self.address)
        code = compile("\n" * (block.line - 1) + text, self.name, "exec")  # tracebacks show the page's lines
        screen = io.StringIO()
        with contextlib.redirect_stdout(screen):
            exec(code, self.module.__dict__)
        self.printed = screen.getvalue()

    def _yaml(self, block: Block) -> None:
        named = re.match(r"# (\S+)\n", block.text)
        assert named, f"{self.name}:{block.line}: YAML that names no file is not used by anything"
        assert yaml.safe_load(block.text)
        (self.folder / named[1]).write_text(block.text)
        self.files.add(named[1])
        self.printed = None

    def _text(self, block: Block) -> None:
        assert self.printed == block.text, f"{self.name}:{block.line} shows what is not printed"
        self.printed = None


def _environment() -> dict[str, str]:
    """Return this environment with the tools of this Python first, where nothing can be installed from elsewhere."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


# Claude


def answered(request: httpx2.Request) -> httpx2.Response:
    """Answer as Claude would: a sentence, or the tool that is asked for."""
    body = json.loads(request.read())
    content: dict[str, Any] = {"type": "text", "text": "It grows."}
    if body.get("tools"):
        summary = {"summary": "One region falls short.", "actions": ["Begin there."]}
        content = {"type": "tool_use", "id": "toolu_1", "name": body["tools"][0]["name"], "input": summary}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [content],
        "stop_reason": "tool_use" if body.get("tools") else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1200, "output_tokens": 32},
    }
    return httpx2.Response(200, json=message, request=request)


# the pages


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """A reader with a scripted Claude, no settings of MLflow, and nothing but the repository's files before him."""
    for variable in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
    monkeypatch.setenv("E2I_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", lambda _transport, request: answered(request))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    made = Reader(name="", folder=tmp_path, address="", monkeypatch=monkeypatch)
    yield made
    made.close()


def test_the_setup_page_is_executed(reader: Reader) -> None:
    """From the server's start to the last query, on the server that the page itself starts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        reader.address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    reader.name = "MLFLOW_SETUP.md"

    reader.read((ROOT / "docs" / reader.name).read_text())

    assert len(reader.servers) == 1


def test_the_developer_guide_is_executed(reader: Reader, example_server: str) -> None:
    """From the first node to the comparison of experiments."""
    reader.name, reader.address = "MLFLOW_DEVELOPER_GUIDE.md", example_server

    reader.read((ROOT / "docs" / reader.name).read_text())


# the reader


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("```ruby\nputs 1\n```\n", "a block of kind 'ruby' is not executed"),
        ("```\nplain\n```\n", "a block of kind '' is not executed"),
        ("```python\nprint(1)\n```\n\n```text\n2\n```\n", "shows what is not printed"),
        ("```text\nnothing\n```\n", "shows what is not printed"),
        ("```bash\nfalse\n```\n", "page.md:2"),
        ("```yaml\n# unused.yaml\nkey: 1\n```\n", "no block uses {'unused.yaml'}"),
        ("```yaml\nkey: 1\n```\n", "names no file"),
    ],
)
def test_a_page_that_does_not_hold_is_caught(reader: Reader, page: str, complaint: str) -> None:
    """Blocks nobody runs, screens nobody sees, commands that fail, files nobody uses."""
    reader.name = "page.md"

    with pytest.raises(AssertionError, match=re.escape(complaint)):
        reader.read(page)


def test_an_error_in_a_page_is_an_error(reader: Reader) -> None:
    """With the line of the page."""
    reader.name = "page.md"

    with pytest.raises(ZeroDivisionError) as caught:
        reader.read("# Title\n\n```python\nfirst = 1\nprint(first / 0)\n```\n")

    assert caught.traceback[-1].lineno == 4


def test_a_page_that_holds_is_read_to_its_end(reader: Reader) -> None:
    """Exports reach Python, files reach blocks, names live on."""
    reader.name = "page.md"
    reader.read(
        "```bash\nexport E2I_COLOUR=blue\necho done\n```\n\n```text\ndone\n```\n\n"
        "```yaml\n# colour.yaml\nkey: 1\n```\n\n"
        "```python\nimport os\nfrom pathlib import Path\ncolour = os.environ['E2I_COLOUR']\n"
        "content = Path('colour.yaml').read_text()\n```\n\n"
        "```python\nprint(colour, 'key: 1' in content)\n```\n\n```text\nblue True\n```\n"
    )

    assert reader.module.colour == "blue"
