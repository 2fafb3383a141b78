"""Settings come from flags, ini and TOML, and say clearly what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.errors import UsageError
from e2i_eval.runner.config.settings import Settings, read_settings

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


DEFAULTS = """
[tool.e2i_eval.defaults]
flush = "shop.app:flush"
contract = "contract.toml"
gate = ["claude_calls:+0"]
repeat = 3

"""


def test_defaults_are_shared_and_replaced(tmp_path: Path) -> None:
    """A target's own value stands in place of the default, a list as a whole; an empty text takes it away."""
    (tmp_path / "contract.toml").touch()
    own = '[tool.e2i_eval.targets.own]\nentry = "shop:own"\nflush = ""\ngate = ["input_tokens:+0"]\nrepeat = 5\n'

    read = settings(tmp_path, DEFAULTS + TARGET + own, claude="live").targets
    repeats = settings(tmp_path, DEFAULTS + TARGET + own, claude="live").repeats

    assert read["support"].flush == "shop.app:flush"
    assert (read["support"].gate, read["own"].gate) == (("claude_calls:+0",), ("input_tokens:+0",))
    assert read["support"].contract == read["own"].contract == tmp_path / "contract.toml"
    assert read["own"].flush is None
    assert (repeats["support"].times, repeats["own"].times) == (3, 5)
    assert (read["support"].place("flush"), read["own"].place("gate")) == ("pyproject.toml:3", "pyproject.toml:13")
    assert read["support"].place("logging") == read["support"].where == "pyproject.toml:8"


def test_defaults_alone_may_name_the_entry(tmp_path: Path) -> None:
    """Any key of a target's table may stand there."""
    toml = '[tool.e2i_eval.defaults]\nentry = "shop:build"\n[tool.e2i_eval.targets.support]\n'

    assert settings(tmp_path, toml).targets["support"].entry == "shop:build"


@pytest.mark.parametrize(
    ("toml", "part"),
    [
        ('[tool.e2i_eval.defaults]\nflsh = "x:y"\n', "line 2: defaults.flsh: unknown key, did you mean 'flush'?"),
        ('[tool.e2i_eval]\ndefault = "x"\n', "line 2: default: unknown key, did you mean 'defaults'?"),
        ("[tool.e2i_eval.defaults]\ngate = [1]\n", "line 2: defaults.gate.0: Input should be a valid string"),
        ('[tool.e2i_eval.defaults]\nflush = "app"\n', "pyproject.toml:2: flush = 'app' of target 'support' is not of"),
        ('[tool.e2i_eval.defaults]\njudges = "no"\n', "pyproject.toml:2: the judges file of target 'support' does"),
        ("[tool.e2i_eval.targets.other]\n", "line 1: targets.other.entry: Field required"),
    ],
)
def test_wrong_defaults_are_refused(tmp_path: Path, toml: str, part: str) -> None:
    """At the line where they are written, not once for each target."""
    message = refusal(tmp_path, toml + TARGET)

    assert message.count("line ") + message.count("pyproject.toml:2: ") == 1
    assert part in message


def test_an_unknown_target_names_the_nearest(tmp_path: Path) -> None:
    """A misspelt target is a usage error, not an empty run."""
    message = refusal(tmp_path, TARGET, target=["suport"])

    assert message == "--e2i-target=suport: there is no such target\n  fix: did you mean 'support'?"


def test_a_tracking_uri_must_be_an_address(tmp_path: Path) -> None:
    """A file path would silently become a second store."""
    assert "is not the address of a server" in refusal(tmp_path, TARGET, tracking_uri="./mlruns")
