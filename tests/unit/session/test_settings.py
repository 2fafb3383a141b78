"""Settings come from flags, ini and TOML, and say clearly what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.config.settings import Settings, read_settings
from e2i_eval.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

TARGET = '[tool.e2i_eval.targets.support]\nentry = "shop.agents:build_support"\n'


def settings(root: Path, toml: str, **chosen: object) -> Settings:
    """Read settings from ``toml`` with the command line's ``chosen``."""
    (root / "pyproject.toml").write_text(toml)
    return read_settings(root, chosen, cache=root / "cache", invocation=root)


def refusal(root: Path, toml: str, **chosen: object) -> str:
    """Return the message with which ``toml`` is refused."""
    with pytest.raises(UsageError) as caught:
        settings(root, toml, **chosen)
    return str(caught.value).replace(str(root), "ROOT")


def test_defaults(tmp_path: Path) -> None:
    """One target's entry is all that a project must write."""
    read = settings(tmp_path, TARGET)

    assert read.cases == tmp_path / "golden" / "cases"
    assert read.claude == "mock"
    assert read.store == tmp_path / ".e2i" / "mlflow"
    assert read.report == tmp_path / ".e2i"
    assert read.targets["support"].where == "pyproject.toml:1"
    assert read.is_chosen("support")


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    """What was typed counts more than what was written."""
    toml = '[tool.e2i_eval]\nclaude = "mock"\nstore = "kept"\n' + TARGET

    read = settings(tmp_path, toml, claude="live", store="temp", report="out", target=["support"])

    assert (read.claude, read.store, read.report, read.only) == ("live", None, tmp_path / "out", ("support",))


def test_no_file(tmp_path: Path) -> None:
    """A folder without pyproject.toml is told what to write."""
    with pytest.raises(UsageError, match=r"there is no pyproject\.toml here") as caught:
        read_settings(tmp_path, {}, cache=tmp_path, invocation=tmp_path)

    assert "[tool.e2i_eval.targets.support]" in str(caught.value)


@pytest.mark.parametrize(
    ("toml", "part"),
    [
        ("", "pyproject.toml has no target to evaluate"),
        ("[tool.e2i_eval\n", "the file is no valid TOML"),
        ('[tool.e2i_eval]\ngoldn = "x"\n' + TARGET, "line 2: goldn: unknown key, did you mean 'golden'?"),
        (TARGET + 'contrat = "c.toml"\n', "line 3: targets.support.contrat: unknown key, did you mean 'contract'?"),
        ('[tool.e2i_eval.targets.support]\nentry = "shop.agents"\n', "is not of the form 'module:attribute'"),
        ("[tool.e2i_eval.targets.support]\nentry = 7\n", "line 2: targets.support.entry: Input should be a valid str"),
        (TARGET + 'contract = "gone.toml"\n', "the contract file of target 'support' does not exist: gone.toml"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, toml: str, part: str) -> None:
    """Each mistake is named with its place."""
    message = refusal(tmp_path, toml)

    assert part in message
    assert "pyproject.toml" in message


def test_an_unknown_target_names_the_nearest(tmp_path: Path) -> None:
    """A misspelt target is a usage error, not an empty run."""
    message = refusal(tmp_path, TARGET, target=["suport"])

    assert message == "--e2i-target=suport: there is no such target\n  fix: did you mean 'support'?"


def test_a_tracking_uri_must_be_an_address(tmp_path: Path) -> None:
    """A file path would silently become a second store."""
    assert "is not the address of a server" in refusal(tmp_path, TARGET, tracking_uri="./mlruns")
