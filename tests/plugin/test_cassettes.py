"""Recording and replaying a stranger's project: the server is there once, and then never again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.conftest import Project

NOWHERE = "http://127.0.0.1:9"
KEY = "sk-ant-a-key-that-must-never-be-written-down"


@pytest.fixture
def cassette(project: Project) -> Path:
    """Where the sample's recording belongs."""
    return project.folder / "golden" / "cassettes" / "support" / "refund.json"


def test_recorded_once_and_replayed_ever_after(project: Project, cassette: Path, claude_uri: str) -> None:
    """Nothing is spent unasked; what was recorded plays without a server, in workers too; a changed prompt is told."""
    live = {"ANTHROPIC_BASE_URL": claude_uri, "ANTHROPIC_API_KEY": KEY}
    gone = {"ANTHROPIC_BASE_URL": NOWHERE}

    unasked = project.run("--e2i-claude=record", env=live)
    assert unasked.code == 1
    assert "say what the session may cost" in unasked.reasons("support/refund")
    assert not cassette.exists()

    recorded = project.run("--e2i-claude=record", "--e2i-max-cost=1", env=live)
    assert recorded.code == 0, recorded.screen
    assert any("of --e2i-max-cost=1" in note for note in recorded.report["notes"])
    assert KEY not in cassette.read_text()

    for workers in ((), ("-n", "2")):
        replayed = project.run("--e2i-claude=replay", *workers, env=gone)
        assert replayed.code == 0, replayed.screen
        (note,) = [note for note in replayed.report["notes"] if "cassette" in note]
        assert note.startswith("oldest of 1 cassette: ")
        tokens = [run.report["targets"]["support"]["input_tokens"] for run in (recorded, replayed)]
        assert tokens == [150, 150]

    before = cassette.read_bytes()
    source = project.folder / "shop" / "agents.py"
    source.write_text(source.read_text().replace("Plan the next step.", "Plan one step."))
    changed = project.run("--e2i-claude=replay", env=gone)
    assert changed.code == 1
    assert "-Plan the next step." in changed.screen
    assert "+Plan one step." in changed.screen
    assert "to record them costs less than 0.01 USD" in changed.screen
    assert cassette.read_bytes() == before


def test_a_damaged_cassette_is_one_error(project: Project, cassette: Path) -> None:
    """It names the file and what to type, and the run of the case is ended."""
    cassette.parent.mkdir(parents=True)
    cassette.write_text("{")

    outcome = project.run("--e2i-claude=replay")

    assert outcome.code == 1
    assert "no JSON" in outcome.reasons("support/refund")
    assert "e2i-claude=record -k 'support/refund'" in outcome.screen
    assert outcome.report["problems"] == []


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--e2i-max-cost=1"], "with --e2i-claude=mock nothing is spent"),
        (["--e2i-claude=live", "--e2i-max-cost=much"], "is no amount"),
        (["--e2i-replay-times"], "there are no recorded times to keep to"),
        (["--e2i-claude=record", "--e2i-overhead=all"], "hides what logging costs"),
    ],
)
def test_flags_that_say_nothing_are_refused(project: Project, flags: list[str], said: str) -> None:
    """Before anything is run."""
    outcome = project.run(*flags)

    assert outcome.code == 4
    assert said in outcome.screen
