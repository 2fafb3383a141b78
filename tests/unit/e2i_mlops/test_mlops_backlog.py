"""What waits for delivery: bounded, counted, in order, and safe on disk."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2i.mlops.backlog import Backlog
from e2i.mlops.message import BatchOutcome, Message
from e2i.mlops.mlflow_config import MlflowConfig
from e2i.mlops.spool import Spool, SpooledCall

if TYPE_CHECKING:
    from pathlib import Path

LINE = b'{"v":1}'
OTHER = "http://127.0.0.1:2"


@pytest.fixture
def config(tmp_path: Path) -> MlflowConfig:
    """A destination that nobody listens at."""
    return MlflowConfig(enabled=True, tracking_uri="http://127.0.0.1:1", spool_dir=tmp_path / "spool")


def added(backlog: Backlog, line: bytes) -> bool:
    """Add one call as the sender does; False when it does not fit."""
    if not backlog.reserve(len(line)):
        return False
    segment = backlog.spool.reserve(len(line))
    if segment is not None:
        segment.write(line)
    backlog.add(SpooledCall(message=Message(line=line), segment=segment))
    return True


def lines_in(config: MlflowConfig) -> list[bytes]:
    """Return the records on disk, file by file."""
    files = sorted(config.spool_dir.rglob("*.jsonl"))
    return [line for file in files for line in file.read_bytes().splitlines()]


def test_what_is_delivered_leaves_the_disk_and_the_rest_stays_in_order(config: MlflowConfig) -> None:
    """Settled calls are counted; the others are tried again first, as resumed ones after trouble."""
    backlog = Backlog(config)
    for number in range(4):
        added(backlog, b"%d" % number)
    batch = backlog.next_batch(3)
    batch[1].message.progress.is_settled = True
    backlog.settle(batch, BatchOutcome(trouble="down"))

    assert [call.message.line for call in backlog.next_batch(9)] == [b"0", b"2", b"3"]
    assert [call.message.progress.is_resumed for call in backlog.next_batch(9)] == [True, True, False]
    assert (backlog.result().delivered, backlog.result().pending, backlog.result().reason) == (1, 3, "down")
    assert lines_in(config) == [b"0", b"1", b"2", b"3"]


def test_a_settled_backlog_leaves_an_empty_file_and_then_none(config: MlflowConfig) -> None:
    """The file is cut when all is delivered, and gone when the process ends well."""
    backlog = Backlog(config)
    added(backlog, LINE)
    batch = backlog.next_batch(9)
    batch[0].message.progress.is_settled = True
    backlog.settle(batch, BatchOutcome())
    after_delivery = lines_in(config)
    backlog.spool.close()

    assert after_delivery == []
    assert [path for path in config.spool_dir.rglob("*") if path.is_file()] == []


def test_the_bound_holds_and_every_loss_is_counted(config: MlflowConfig) -> None:
    """Calls beyond the bound are dropped, those that wait are kept, and room that is freed is used again."""
    backlog = Backlog(replace(config, spool_max_bytes=3 * len(LINE)))
    fitted = [added(backlog, LINE) for _ in range(5)]
    batch = backlog.next_batch(1)
    batch[0].message.progress.is_settled = True
    backlog.settle(batch, BatchOutcome())

    assert fitted == [True, True, True, False, False]
    assert added(backlog, LINE)
    assert backlog.result().dropped == 2
    assert "2 calls were not logged: the spool is full" in backlog.warning()


def test_a_batch_is_bounded_in_bytes(config: MlflowConfig) -> None:
    """Large calls travel in small batches, and one that is larger than a batch travels alone."""
    backlog = Backlog(config)
    for size in (3, 2, 5):
        added(backlog, b"x" * size * 1024 * 1024)

    assert [len(call.message.line) >> 20 for call in backlog.next_batch(9)] == [3]


def test_a_dead_process_is_inherited_and_a_living_one_is_not(config: MlflowConfig) -> None:
    """What a process left is taken over once its lock is free, and for its own server alone."""
    living, dead = Backlog(config), Backlog(config)
    added(living, b"living")
    added(dead, b"dead")
    os.close(dead.spool.lock or 0)
    heir, stranger = Backlog(config), Backlog(replace(config, tracking_uri=OTHER))
    while heir.adopt() or stranger.adopt():
        pass

    assert [call.message.line for call in heir.next_batch(9)] == [b"dead"]
    assert heir.next_batch(9)[0].message.progress.is_resumed
    assert not stranger.next_batch(9)
    living.spool.close()


def test_a_lock_that_a_worker_holds_protects_its_dead_parent(config: MlflowConfig) -> None:
    """A second descriptor of the lock, as a worker process has, keeps the calls from being taken over."""
    dead = Backlog(config)
    added(dead, b"under way")
    held = os.dup(dead.spool.lock or 0)
    os.close(dead.spool.lock or 0)
    early, late = Backlog(config), Backlog(config)
    took_early = early.adopt()
    os.close(held)

    assert not took_early
    assert late.adopt()


def test_a_full_disk_keeps_calls_in_memory_and_warns_once(
    config: MlflowConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A write that takes a part only is an error; after the first one nothing is written any more."""
    spool = Spool(config.spool_dir, config.tracking_uri)
    segment = spool.reserve(len(LINE))
    assert segment is not None
    monkeypatch.setattr(os, "write", lambda _descriptor, data: len(data) - 1)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)) as raised:
        segment.write(LINE)
    monkeypatch.undo()
    spool.breaks(raised.value)
    spool.breaks(raised.value)

    assert spool.reserve(len(LINE)) is None
    assert len(caplog.records) == 1
    assert "set E2I_SPOOL_DIR to a folder that only this user can write" in caplog.text
    spool.close()
