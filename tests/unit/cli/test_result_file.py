"""The files that flags name for results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.cli.result_file import result_file
from e2i_eval.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("named", [None, "-"])
def test_the_terminal_is_no_file(named: str | None) -> None:
    """Nothing is written for a flag without a file."""
    assert result_file("--json", named) is None


def test_an_earlier_result_stays_until_there_is_another(tmp_path: Path) -> None:
    """To look whether a file can be written takes nothing away."""
    earlier = tmp_path / "proof.json"
    earlier.write_text("earlier")
    file = result_file("--json", earlier)
    assert file is not None

    file.refuse_unwritable()

    assert earlier.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [earlier]

    file.write("later")
    assert earlier.read_text() == "later"


def test_a_folder_is_made(tmp_path: Path) -> None:
    """The folder of a result need not be there."""
    file = result_file("--html", str(tmp_path / "new" / "page.html"))
    assert file is not None

    file.refuse_unwritable()
    file.write("page")

    assert (tmp_path / "new" / "page.html").read_text() == "page"


@pytest.mark.parametrize("where", ["", "file/proof.json"])
def test_a_place_that_cannot_be_is_named_with_its_flag(tmp_path: Path, where: str) -> None:
    """A folder, and a file in a file, are refused before the work and after it."""
    (tmp_path / "file").touch()
    file = result_file("--json", tmp_path / where)
    assert file is not None

    with pytest.raises(UsageError, match=r"--json .* cannot be written: .*\n  fix: choose another file"):
        file.refuse_unwritable()
    with pytest.raises(UsageError, match=r"--json .* cannot be written: "):
        file.write("{}")
