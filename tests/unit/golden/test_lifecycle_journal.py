"""Golden files are changed together; whatever ends the process, each is the old one or the new one."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.errors import UsageError
from e2i_eval.dataset.update.journal import JOURNAL, apply, recover
from e2i_eval.dataset.update.plan import FilePlan, digest_of

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 50

KILLED = """
import json, os, signal, sys
from pathlib import Path
from e2i_eval.dataset.update import journal
from e2i_eval.dataset.update.plan import FilePlan, digest_of

COUNT, STEP = int(sys.argv[2]), int(sys.argv[3])
STEPS = ("fsync", "replace", "rename", "unlink", "chmod")

def plans(root):
    for at in range(COUNT):
        before = b"old %d\\n" % at
        (root / f"case{at}.yaml").write_bytes(before)
        after = None if at == 3 else b"new %d\\n" % at
        yield FilePlan(file=f"case{at}.yaml", digest=digest_of(before), before=before, after=after)

def die_at(limit):
    done = 0
    def counted(real):
        def call(*args, **kwargs):
            nonlocal done
            done += 1
            if done == limit:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)
        return call
    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))

def killed(root, limit):
    todo = list(plans(root))
    child = os.fork()
    if child == 0:
        die_at(limit)
        journal.apply(root, root, todo)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1]), todo

def state(root, todo):
    now = [each.read_bytes() if (each := root / plan.file).exists() else None for plan in todo]
    assert all(found in (plan.before, plan.after) for found, plan in zip(now, todo)), "neither old nor new"
    return sum(found == plan.after for found, plan in zip(now, todo))

seen, limit, is_killed = [], 1, True
while is_killed:
    root = Path(sys.argv[1]) / str(limit)
    root.mkdir()
    is_killed, todo = killed(root, limit)
    changed = state(root, todo)
    recovery = journal.recover(root, root)
    after = state(root, todo)
    assert after in (0, COUNT), "half of the set"
    assert changed <= after, "taken back after a file had changed"
    left = {each.name for each in root.iterdir()} - {plan.file for plan in todo}
    seen.append({"limit": limit, "changed": changed, "after": after, "left": sorted(left),
                 "said": recovery.sentence if recovery else ""})
    limit += STEP
print(json.dumps(seen))
"""


def plan(root: Path, name: str, after: bytes | None) -> FilePlan:
    """Return a plan for a file, which is written first."""
    before = f"old {name}\n".encode()
    (root / name).write_bytes(before)
    return FilePlan(file=name, digest=digest_of(before), before=before, after=after)


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by a signal")
@pytest.mark.parametrize(("count", "step"), [(5, 1), (COUNT, 29)])
def test_killed_at_any_point_each_file_is_old_or_new(tmp_path: Path, count: int, step: int) -> None:
    """SIGKILL before each step in turn; whoever comes next finishes the set or takes it back, and says which."""
    script = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), str(count), str(step)]
    run = subprocess.run(script, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    seen = json.loads(run.stdout)

    assert {0, count} == {each["after"] for each in seen}
    assert any(0 < each["changed"] < count for each in seen)
    assert all("finished now" in each["said"] for each in seen if 0 < each["changed"] < count)
    assert any("taken back" in each["said"] for each in seen)
    assert {name for each in seen if each["said"] for name in each["left"]} == set()


def test_nothing_is_left_beside_the_files(tmp_path: Path) -> None:
    """Neither a staged file nor the journal; rights stay; there is nothing to recover."""
    plans = [
        plan(tmp_path, "a.yaml", b"new\n"),
        plan(tmp_path, "b.yaml", None),
        plan(tmp_path, "c.yaml", b"old c.yaml\n"),
    ]
    (tmp_path / "a.yaml").chmod(0o640)

    assert apply(tmp_path, tmp_path, plans) == ()

    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.yaml", "c.yaml"]
    assert (tmp_path / "a.yaml").read_bytes() == b"new\n"
    assert (tmp_path / "a.yaml").stat().st_mode & 0o777 == 0o640
    assert recover(tmp_path, tmp_path) is None


def test_a_file_somebody_changed_is_left(tmp_path: Path) -> None:
    """The others are written, and it is named."""
    plans = [plan(tmp_path, "a.yaml", b"new\n"), plan(tmp_path, "b.yaml", b"new\n")]
    (tmp_path / "a.yaml").write_bytes(b"mine\n")

    assert apply(tmp_path, tmp_path, plans) == ("a.yaml",)

    assert (tmp_path / "a.yaml").read_bytes() == b"mine\n"
    assert (tmp_path / "b.yaml").read_bytes() == b"new\n"


def test_what_is_finished_later_leaves_what_changed_meanwhile(tmp_path: Path) -> None:
    """An edit between the kill and the next session wins."""
    for name in ("a.yaml", "b.yaml"):
        plan(tmp_path, name, b"new\n")
        (tmp_path / f".{name}.e2i-new").write_bytes(b"new\n")
    (tmp_path / "b.yaml").write_bytes(b"mine\n")
    files = [
        {"file": n, "before": digest_of(f"old {n}\n".encode()), "after": digest_of(b"new\n")}
        for n in ("a.yaml", "b.yaml")
    ]
    (tmp_path / JOURNAL).write_text(json.dumps({"schema": 1, "staged": True, "files": files}))

    recovery = recover(tmp_path, tmp_path)

    assert recovery is not None
    assert recovery.sentence.endswith("is finished now; changed meanwhile and left as they are: b.yaml")
    assert (tmp_path / "a.yaml").read_bytes() == b"new\n"
    assert (tmp_path / "b.yaml").read_bytes() == b"mine\n"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.yaml", "b.yaml"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', '{"schema": 1, "staged": true, "files": [{"x": 1}]}'])
def test_a_journal_that_cannot_be_read_stops_it(tmp_path: Path, text: str) -> None:
    """Nothing is guessed about files that may be half written."""
    (tmp_path / JOURNAL).write_text(text)

    with pytest.raises(UsageError, match="journal of an interrupted change cannot be read"):
        recover(tmp_path, tmp_path)


def test_what_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    """It names what was written, and takes the rest back."""
    plans = [plan(tmp_path, "a.yaml", b"new\n")]
    (tmp_path / ".a.yaml.e2i-new").mkdir()

    with pytest.raises(UsageError, match="written are none"):
        apply(tmp_path, tmp_path, plans)

    assert (tmp_path / "a.yaml").read_bytes() == b"old a.yaml\n"
