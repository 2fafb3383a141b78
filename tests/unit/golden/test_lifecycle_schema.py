"""The schema of case files is where editors look for it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.cli import main
from e2i_eval.dataset.case_file.schema import case_schema
from e2i_eval.dataset.update.plan import with_schema_line

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / "docs" / "reference" / "case.schema.json"


def test_every_case_of_this_project_names_its_schema() -> None:
    """Its first comment does; a new file takes the line from any other one."""
    files = [file for file in (ROOT / "golden" / "cases").rglob("*.yaml") if file.is_file()]
    texts = {file: file.read_text(encoding="utf-8") for file in files}
    place = {file: Path(os.path.relpath(PUBLISHED, file.parent)).as_posix() for file in files}

    assert files
    assert [str(file) for file in files if with_schema_line(texts[file], place[file]) != texts[file]] == []
    assert [str(file) for file in files if f"$schema={place[file]}" not in texts[file]] == []


def test_the_command_prints_and_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed is the schema; a place that is none is one error."""
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == case_schema()

    assert main(["schema", "--write", str(tmp_path / "case.schema.json")]) == 0
    assert (tmp_path / "case.schema.json").read_text() == json.dumps(case_schema(), indent=2, ensure_ascii=False) + "\n"

    assert main(["schema", "--write", str(tmp_path / "nowhere" / "x.json")]) == 4
    assert "the schema cannot be written" in capsys.readouterr().err


def test_the_line_is_added_once_and_keeps_line_ends() -> None:
    """A file that has it, after other comments too, stays."""
    text = "# about\r\nschema: 1\r\n"

    once = with_schema_line(text, "../s.json")

    assert once == f"# yaml-language-server: $schema=../s.json\r\n{text}"
    assert with_schema_line(once, "../s.json") == once
    assert with_schema_line(f"# about\n{once}", "../s.json") == f"# about\n{once}"
