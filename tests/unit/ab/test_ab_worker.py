"""The process of an arm: what it takes over stays so until it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SERVER = "http://127.0.0.1:9"
ARM = """
import gc, os, sys
from e2i_eval.benchmark.ab.worker_config import WorkerConfig
from e2i_eval.benchmark.ab.worker import VariantWorker

folder = sys.argv[1]
worker = VariantWorker(WorkerConfig(
    tree=folder, head=folder, roots=(), golden_root=folder, targets=(), uri={uri!r}, scratch=folder, hosts=(),
    has_endpoint=False,
))
gc.collect()
print(os.environ["MLFLOW_TRACKING_URI"])
"""


def test_what_logs_outside_every_call_logs_to_the_session(tmp_path: Path) -> None:
    """Not to the team's server, which the environment names."""
    done = subprocess.run(
        [sys.executable, "-c", ARM.format(uri=SERVER), str(tmp_path)],
        env={**os.environ, "MLFLOW_TRACKING_URI": "http://127.0.0.1:10"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.strip() == SERVER, done.stderr
