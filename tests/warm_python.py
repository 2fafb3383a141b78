"""Python processes that start warm: forked from one that has imported the libraries, instead of started anew.

Importing MLflow, LangGraph, Anthropic and pytest costs five seconds of CPU, and MLflow's server five more; a session of
the plugin does both. A nursery is a process that has imported them all and does nothing else, so that it can be forked
at any time. While one is in use, ``subprocess.Popen([sys.executable, ...])`` has it fork a child, which gets the
arguments, environment, folder, file descriptors and signals of the process that was asked for, and becomes a child of
the one that asked: ``pid``, ``wait``, ``kill``, ``getppid`` and pipes are what they always are. A child that runs a
module gets a nursery of its own, for the servers and workers that it will start itself.

Whatever a fork cannot imitate is started the ordinary way: another interpreter, another hash seed, isolated mode; and
everything is where there is no Linux.

Run as a script with one argument, the number of the socket to serve.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import fcntl
import functools
import gc
import importlib
import inspect
import io
import json
import os
import pkgutil
import resource
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Nursery", "cold", "warm"]

LIBRARIES = (
    "uvicorn",  # first: MLflow's server looks whether it runs under one
    "anthropic",
    "hypothesis.strategies",
    "langchain_anthropic",
    "langgraph.prebuilt",
    "mlflow.langchain.langchain_tracer",
    "mlflow.server.fastapi_app",
    "pytest",
    "respx",
    "rich.console",
    "xdist.plugin",
    "xdist.remote",
)
OWN = "e2i_eval"
SCRIPTS = ("__main__", "fresh_worker", "launcher", "runner")
"""What is run and never imported, by the ends of the names."""

WHILE_IMPORTING = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_MODEL_CATALOG_URI": "",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "_MLFLOW_SGI_NAME": "uvicorn",
}
"""A process can be forked safely as long as it has no thread but one."""

OPTIONS = {"-P": 1, "-u": 1, "-W": 2}
"""Options of the interpreter that a fork can follow, with the number of their words."""

LAUNCHER = "launcher.py"
"""The one script that may start warm, the tracking server's; a program of a user's starts as a user's does."""

VARIABLES = frozenset({"PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONPATH", "PYTHONUNBUFFERED"})
"""Variables of the interpreter that a fork can follow."""

LIMITS = sorted(number for name, number in vars(resource).items() if name.startswith("RLIMIT_"))

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
MESSAGE_BYTES = 1 << 20
MAX_FDS = 32
OUT_OF_THE_WAY = 100
"""Above the numbers that descriptors are passed under."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A process to be.

    Attributes:
        words: the arguments after the interpreter's name.
        env: its environment, whole.
        cwd: its folder.
        fds: the numbers under which it finds the descriptors that are sent along.
        limits: number, soft and hard value of each of its resource limits.
        leads: whether it leads a session, and with it a process group.
    """

    words: list[str]
    env: dict[str, str]
    cwd: str
    fds: list[int]
    limits: list[tuple[int, int, int]]
    leads: bool


class Nursery:
    """The process to fork, as seen from the one that asks; gone when ``close`` is called or the asker ends."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._lock = threading.Lock()

    @classmethod
    def start(cls) -> Nursery:
        """Start one as a new interpreter; it imports while this process goes on."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "_MLFLOW_"))}
        with theirs:
            command = [sys.executable, "-P", __file__, str(theirs.fileno())]
            process = subprocess.Popen(command, env={**own, **WHILE_IMPORTING}, pass_fds=[theirs.fileno()])
        process.returncode = 0  # it ends with its line, and nobody waits for it
        return cls(ours)

    def bear(self, job: Job, fds: Sequence[int]) -> int | None:
        """Have ``job`` run in a new child of this process; return its process id, None if it cannot be."""
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
        with self._lock, contextlib.suppress(OSError):
            socket.send_fds(self._line, [json.dumps(asdict(job)).encode()], fds)
            if pid := self._line.recv(MESSAGE_BYTES):
                return int(pid)
        return None

    def close(self) -> None:
        """Let it end."""
        self._line.close()


@contextlib.contextmanager
def warm(nursery: Nursery) -> Iterator[None]:
    """Have every Python process that is started meanwhile come from ``nursery``, if it can imitate it."""
    with _started_by(functools.partialmethod(_execute_warm, nursery)):
        yield


@contextlib.contextmanager
def cold() -> Iterator[None]:
    """Have every process that is started meanwhile start the ordinary way."""
    with _started_by(_EXECUTE_COLD):
        yield


_EXECUTE_COLD = subprocess.Popen._execute_child  # type: ignore[attr-defined]  # noqa: SLF001  where all ways meet
_PARAMETERS = inspect.signature(_EXECUTE_COLD)


@contextlib.contextmanager
def _started_by(execute: object) -> Iterator[None]:
    before = vars(subprocess.Popen)["_execute_child"]
    subprocess.Popen._execute_child = execute  # type: ignore[attr-defined]  # noqa: SLF001
    try:
        yield
    finally:
        subprocess.Popen._execute_child = before  # type: ignore[attr-defined]  # noqa: SLF001


def _execute_warm(popen: Any, nursery: Nursery, *args: Any) -> None:  # noqa: ANN401  subprocess' own
    asked = _PARAMETERS.bind(popen, *args).arguments
    fds = _descriptors(asked)
    job = _job(asked, list(fds))
    pid = nursery.bear(job, list(fds.values())) if job else None
    if pid is None:
        _EXECUTE_COLD(popen, *args)
        return
    popen.pid = pid
    popen._child_created = True  # noqa: SLF001
    pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
    popen._close_pipe_fds(*(asked[name] for name in pipes))  # noqa: SLF001


def _descriptors(asked: dict[str, Any]) -> dict[int, int]:
    """Return which of our descriptors the process finds under which number."""
    standard = {0: asked["p2cread"], 1: asked["c2pwrite"], 2: asked["errwrite"]}
    inherited = {number: number if fd == -1 else fd for number, fd in standard.items()}
    return inherited | {int(fd): int(fd) for fd in asked["pass_fds"]}


def _job(asked: dict[str, Any], fds: list[int]) -> Job | None:
    """Return what a fork is to be; None where it could not tell the difference away."""
    env = dict(os.environ if asked["env"] is None else asked["env"])
    is_ordinary = (
        isinstance(asked["args"], list | tuple)
        and str(asked["args"][0]) == sys.executable
        and asked["close_fds"]
        and not asked["shell"]
        and all(asked[name] is None for name in ("executable", "preexec_fn", "gid", "gids", "uid"))
        and {name for name in env if name.startswith("PYTHON")} <= VARIABLES
        and env.get("PYTHONHASHSEED") == os.environ.get("PYTHONHASHSEED")
    )
    if not is_ordinary:
        return None
    words = [str(word) for word in asked["args"][1:]]
    count = _count_of_options(words)
    words[count : count + 1] = _apart(words[count]) if count < len(words) else ()
    if count >= len(words) or (words[count] not in {"-c", "-m"} and Path(words[count]).name != LAUNCHER):
        return None
    cwd = str(Path(asked["cwd"] or ".").absolute())
    limits = [(kind, *resource.getrlimit(kind)) for kind in LIMITS]
    return Job(words=words, env=env, cwd=cwd, fds=fds, limits=limits, leads=asked["start_new_session"])


def _count_of_options(words: Sequence[str]) -> int:
    """Return how many words come before the program."""
    count = 0
    while count < len(words) and words[count] in OPTIONS:
        count += OPTIONS[words[count]]
    return count


def _apart(word: str) -> tuple[str, ...]:
    """Return ``-mpytest`` as two words."""
    return ("-m", word[2:]) if word.startswith("-m") and word != "-m" else (word,)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


# In the nursery


def main() -> None:
    """Import everything, and then be forked; whoever comes back from here is a child with a job."""
    line = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the others
    _import_all()
    gc.collect()
    gc.freeze()  # so that no collection touches, and thereby copies, what parent and children share
    job, fds = _born(line)
    nursery = None
    while job.words[_count_of_options(job.words)] == "-m":
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork():
            theirs.close()
            nursery = Nursery(_out_of_the_way(ours))
            break
        ours.close()
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        _detach(fds)
        job, fds = _born(theirs)
    _become(job, fds)
    with warm(nursery) if nursery else contextlib.nullcontext():
        _run_to_the_end(job.words)


class _Importing:
    """Imports while pytest is at it, so that it finds every plugin's assertions rewritten as it wants them."""

    @staticmethod
    def pytest_cmdline_main() -> int:
        """Import instead of looking for tests."""
        for name in LIBRARIES:
            importlib.import_module(name)
        for module in pkgutil.walk_packages(importlib.import_module(OWN).__path__, f"{OWN}."):
            if not module.name.endswith(SCRIPTS):
                importlib.import_module(module.name)
        return 0


def _import_all() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = ["-s", "-c", os.devnull, "--noconftest", "-W", "ignore"]
        code = importlib.import_module("pytest").main(options, plugins=[_Importing()])
    assert code == 0
    assert threading.active_count() == 1, threading.enumerate()


def _born(line: socket.socket) -> tuple[Job, list[int]]:
    """Wait in the nursery for jobs; return in the child that gets one."""
    while True:
        message, fds, _, _ = socket.recv_fds(line, MESSAGE_BYTES, MAX_FDS)
        if not message:
            os._exit(0)
        between = os.fork()
        if between == 0:
            _leave_to_grandparent()
            line.send(str(os.getpid()).encode())
            line.close()
            return Job(**json.loads(message)), list(fds)
        os.waitpid(between, 0)
        for fd in fds:
            os.close(fd)


def _leave_to_grandparent() -> None:
    """Fork again, end, and return in the fork once the process that asked, which adopts orphans, is its parent."""
    between = os.getpid()
    if os.fork():
        os._exit(0)
    while os.getppid() == between:
        time.sleep(0.0005)


def _detach(fds: Sequence[int]) -> None:
    """Hold nothing open that the child of this nursery's asker may close."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    for fd in (nothing, *fds):
        os.close(fd)


def _out_of_the_way(line: socket.socket) -> socket.socket:
    """Return the same socket under a number that no passed descriptor has."""
    with line:
        return socket.socket(fileno=fcntl.fcntl(line.fileno(), fcntl.F_DUPFD_CLOEXEC, OUT_OF_THE_WAY))


def _become(job: Job, fds: Sequence[int]) -> None:
    """Be the process that was asked for, as far as a new interpreter would be at its start."""
    if job.leads:
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    aside = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, OUT_OF_THE_WAY) for fd in fds]
    for number, fd in zip(job.fds, aside, strict=True):
        os.dup2(fd, number)
    for fd in {*fds, *aside} - set(job.fds):
        os.close(fd)
    for kind, soft, hard in job.limits:
        resource.setrlimit(kind, (soft, hard))
    os.chdir(job.cwd)
    os.environ.clear()
    os.environ.update(job.env)
    tempfile.tempdir = None  # looked up anew in the new environment
    sys.dont_write_bytecode = bool(job.env.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[:0] = [folder for folder in job.env.get("PYTHONPATH", "").split(os.pathsep) if folder]
    is_unbuffered = "-u" in job.words[: _count_of_options(job.words)] or bool(job.env.get("PYTHONUNBUFFERED"))
    for stream in (sys.stdout, sys.stderr):
        assert isinstance(stream, io.TextIOWrapper)
        stream.reconfigure(line_buffering=stream.isatty() or stream is sys.stderr, write_through=is_unbuffered)


def _run_to_the_end(words: list[str]) -> None:
    """Run, and end as the interpreter does but for taking thousands of modules apart, which costs 0.2 s of CPU.

    What is not an ordinary end is left to the interpreter.
    """
    code = 0
    try:
        _run(words)
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            raise
        code = leaving.code or 0
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  waits for threads, as the interpreter does
    atexit._run_exitfuncs()  # noqa: SLF001
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _run(words: list[str]) -> None:
    """Do what the interpreter does with its arguments."""
    count = _count_of_options(words)
    options, (kind, *rest) = words[:count], words[count:]
    if "-W" in options:
        warnings.simplefilter(options[options.index("-W") + 1])  # type: ignore[arg-type]  # one of its words
    is_safe = "-P" in options
    if kind == "-c":
        sys.argv[:] = ["-c", *rest[1:]]
        sys.path[:0] = [] if is_safe else [""]
        sys.modules["__main__"] = program = types.ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), program.__dict__)
    elif kind == "-m":
        sys.argv[:] = rest
        sys.path[:0] = [] if is_safe else [str(Path.cwd())]
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = [kind, *rest]
        sys.path[:0] = [] if is_safe else [str(Path(kind).absolute().parent)]
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    main()
