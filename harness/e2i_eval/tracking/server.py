"""A real MLflow server on a loopback port, as one child process that lives as long as this one at most."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
import urllib.request
from typing import TYPE_CHECKING

from e2i_eval.core.errors import ServerError
from e2i_eval.tracking.spawn import bind, mlflow_version, spawn
from e2i_eval.tracking.store import Store, storage_error
from e2i_eval.tracking.template import Template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["TemporaryServer"]

STOP_S = 0.7
HEALTH_S = 2.0
LOG_TAIL_LINES = 12


class TemporaryServer:
    """A tracking server: MLflow's own application, API and UI, on a store of its own.

    Attributes:
        uri: ``http://127.0.0.1:<port>``; clients may connect at once, they are answered once the server is up.
        pid: of the one process.
        log: the file it writes to.
        artifacts: the folder it keeps files in.
        store: where it keeps its data.
        notes: what a person should know about the start (a template was rebuilt, a store migrated), a sentence each;
            complete once ``wait_ready`` has returned.
    """

    def __init__(self, process: subprocess.Popen[bytes], port: int, store: Store, notes: list[str]) -> None:
        self.uri = f"http://127.0.0.1:{port}"
        self.pid = process.pid
        self.store = store
        self.log = store.log
        self.artifacts = store.artifacts
        self.notes = notes
        self._process = process
        self._pending = b""
        self._ready = False
        self._lock = threading.Lock()

    @classmethod
    def start(cls, *, store: Path, cache: Path, environ: Mapping[str, str], port: int | None = None) -> TemporaryServer:
        """Start a server and return at once; it is ready some seconds later.

        Args:
            store: folder for the database, the artifacts and the log; made when missing, several servers may share it.
            cache: the user's cache folder, for the template of the database.
            environ: environment of the new process; what is meant for MLflow's clients is left out.
            port: None takes a free one.

        Raises:
            ServerError: the store or the port cannot be used, or MLflow is not installed.
        """
        home = Store(root=store.absolute())
        template = Template.of(cache.absolute(), mlflow_version())
        home.prepare()
        with bind(port) as listener:
            notes = _seed(home, template)
            process = spawn(listener, home, template, environ)
            return cls(process, listener.getsockname()[1], home, notes)

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until requests are answered.

        Raises:
            ServerError: the server ended or took too long; the message has the end of its log.
        """
        deadline = time.monotonic() + timeout_s
        with self._lock:
            while not self._ready:
                if (line := self._line(deadline)) is None:
                    late = self._failure(f"was not ready after {timeout_s:g} s")
                    raise late
                self._take(json.loads(line))

    def is_running(self) -> bool:
        """Tell whether the process is there; it may be starting or stuck."""
        return self._process.poll() is None

    def alive(self) -> bool:
        """Tell whether the process is there and answers within two seconds."""
        if not self.is_running():
            return False
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                f"{self.uri}/health", timeout=HEALTH_S
            ):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """End the process within a second, whatever state it is in; a second call does nothing."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _line(self, deadline: float) -> bytes | None:
        """Return the next event as sent; None at the deadline or when the process is gone."""
        pipe = self._process.stdout
        while b"\n" not in self._pending:
            left_s = deadline - time.monotonic()
            if pipe is None or pipe.closed or left_s <= 0 or not select.select([pipe], [], [], left_s)[0]:
                return None
            chunk = os.read(pipe.fileno(), 65536)
            if not chunk:
                ended = self._failure("ended while it was starting")
                raise ended
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def _take(self, event: dict[str, str]) -> None:
        match event["event"]:
            case "ready":
                self._ready = True
            case "note":
                self.notes.append(event["text"])
            case "error":
                self.stop()
                raise ServerError(event["what"], where=str(self.log), fix=event["fix"])

    def _failure(self, what: str) -> ServerError:
        """End the process, and return a message for a person."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)
        code = self._process.poll()
        self.stop()
        ending = "" if code is None else f" (exit code {code})"
        tail = "\n".join(f"  | {line}" for line in _tail(self.log))
        said = f"the tracking server {what}{ending}; the end of its log:\n{tail or '  | (empty)'}"
        return ServerError(said, where=str(self.log))


def _seed(store: Store, template: Template) -> list[str]:
    """Give a new store its database, when there is a template; return what a person should know."""
    if store.database.exists():
        return []
    if not template.is_sound():
        broken = template.discard()
        return [f"the database template {template.path} was damaged and is built anew"] if broken else []
    try:
        template.copy_to(store.database)
    except OSError as error:
        raise storage_error(store.root, error) from error
    return []


def _tail(log: Path) -> list[str]:
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
    except OSError:
        return []
