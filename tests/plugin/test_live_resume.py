"""A live run against a server that refuses, overloads and resets: it finishes, and goes on after SIGKILL."""

from __future__ import annotations

import os
import re
import signal
import stat
import time
from typing import TYPE_CHECKING

from e2i_eval.testing.claude_server import ClaudeServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.plugin.conftest import Project

KEY = "sk-ant-a-key-that-must-never-be-written-down"
CASES = 24
CALLS = 3
PAID_BEFORE_KILL = 32
HELD_TIMEOUT_S = 150.0
SETTLED_S = 0.3
"""What is on its way to the disk when the server stops answering is there after this time."""

MAX_COST_USD = 1
COMMAND = (
    "--e2i-claude=live",
    f"--e2i-max-cost={MAX_COST_USD}",
    "--e2i-store=temp",
    "-n",
    "2",
    "-p",
    "no:cacheprovider",
)
CASE = """
schema: 1
inputs: {{question: "Where is the refund of order {number}?"}}
expect: {{nodes: {{order: strict, names: [plan, act, answer]}}, tools: [{{name: lookup_order}}]}}
"""
FAULTS = ("rate_limit", "overloaded", "error", "reset", "drop")


def test_a_killed_run_goes_on_without_paying_twice(new_project: Callable[[], Project]) -> None:
    """5 % of the requests go wrong and SIGKILL comes in the middle: each case is judged, each call is paid once."""
    project = new_project()
    (project.folder / "golden/cases/support/refund.yaml").unlink()
    for number in range(CASES):
        project.write(f"golden/cases/support/order-{number}.yaml", CASE.format(number=number))
    live = project.folder / ".e2i" / "live"

    with ClaudeServer(seed=7, fault_rate=0.05, fault=FAULTS, latency_s=0.02, retry_after_s=0.2) as server:
        env = {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": KEY}
        server.change(hold_after=PAID_BEFORE_KILL)
        first = project.start(*COMMAND, env=env)
        server.wait_held(HELD_TIMEOUT_S)
        time.sleep(SETTLED_S)
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate()
        paid_before = server.counts().paid
        left = [file for file in live.rglob("*") if file.is_file()]
        assert stat.S_IMODE(live.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in left if file.suffix == ".jsonl"} == {0o600}
        assert _with_key(left) == []
        server.change(hold_after=None)

        second = project.run(*COMMAND, env=env)

        counts = server.counts()
    assert second.code == 0, second.screen
    assert len(second.cases) == CASES
    assert set(second.statuses.values()) == {"pass"}
    assert counts.repeated == {}
    assert counts.paid == CASES * CALLS
    assert counts.asked > counts.paid  # something did go wrong
    assert paid_before >= PAID_BEFORE_KILL
    resumed = re.search(
        rf"resumed: (\d+) of {CASES} cases kept from the run of \d\d:\d\d, \d+\.\d\d USD", second.screen
    )
    assert resumed is not None, second.screen
    assert 0 < int(resumed[1]) <= paid_before / CALLS
    assert not live.exists()
    assert _with_key([file for file in (project.folder / ".e2i").rglob("*") if file.is_file()]) == []


def _with_key(files: list[Path]) -> list[str]:
    return [str(file) for file in files if KEY.encode() in file.read_bytes()]
