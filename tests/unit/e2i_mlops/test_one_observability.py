"""MLflow is the platform's one way of being observed: nothing of earlier ones is left."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EARLIER = ("op" + "ik", "lang" + "fuse")
"""Put together here, so that a search of the repository finds nothing."""

PLACES = ("harness", "fixtures", "evals", "golden", "tests", ".ci")
FILES = ("pyproject.toml", "requirements.lock", "Makefile", "conftest.py", ".env.example", ".env.dev", ".gitignore")
TEXT = {".py", ".yaml", ".yml", ".toml", ".json", ".txt", ".ini", ".cfg", ".sh", ".md", ".lock", ""}


@pytest.mark.parametrize("name", EARLIER)
def test_no_code_configuration_or_dependency_names_it(name: str) -> None:
    """Code, cases, configuration, tests and the locked libraries."""
    files = [ROOT / file for file in FILES] + [
        path for place in PLACES for path in (ROOT / place).rglob("*") if path.is_file() and path.suffix in TEXT
    ]

    assert len(files) > 200
    assert [str(path.relative_to(ROOT)) for path in files if name in path.read_text(errors="replace").lower()] == []
