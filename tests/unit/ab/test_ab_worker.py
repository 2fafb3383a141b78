"""The process of a variant: what it takes over stays so until it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SERVER = "http://127.0.0.1:9"
VARIANT = """
import gc, os, sys, threading, time
from e2i_eval.benchmark.ab.worker_config import WorkerConfig
from e2i_eval.benchmark.ab.worker import VariantWorker

folder = sys.argv[1]
run, sleep = threading.Thread.run, time.sleep
worker = VariantWorker(WorkerConfig(
    tree=folder, head=folder, roots=(), golden_root=folder, targets=(), uri={uri!r}, scratch=folder, hosts=(),
    has_endpoint=False,
))
gc.collect()
print(os.environ["MLFLOW_TRACKING_URI"])
print(time.sleep is not sleep, threading.Thread.run is not run or sys.platform != "linux")
"""


def test_what_logs_outside_every_call_logs_to_the_session(tmp_path: Path) -> None:
    """Not to the team's server, which the environment names."""
    assert started(tmp_path)[0] == SERVER


def test_sleeps_and_threads_are_watched_until_the_process_ends(tmp_path: Path) -> None:
    """Nobody holds on to what watches but the worker itself."""
    assert started(tmp_path)[1] == "True True"


def started(folder: Path) -> list[str]:
    """Start a variant's worker and return what its process prints, line by line."""
    done = subprocess.run(
        [sys.executable, "-c", VARIANT.format(uri=SERVER), str(folder)],
        env={**os.environ, "MLFLOW_TRACKING_URI": "http://127.0.0.1:10"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.stdout.splitlines()
