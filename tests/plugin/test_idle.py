"""Without ``--e2i-eval`` the plugin is as good as absent."""

from __future__ import annotations

import json
import sys
from unittest.mock import ANY

import pytest

HEAVY = (
    "mlflow",
    "anthropic",
    "langgraph",
    "langchain_core",
    "numpy",
    "pydantic",
    "respx",
    "httpx",
    "rich",
    "deepdiff",
)

STANDARD_LIBRARY = set(sys.stdlib_module_names)
FILE = "test_project.py"

CONFTEST = """
import json, pathlib, sys

def pytest_unconfigure(config):
    pathlib.Path("modules.json").write_text(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture
def plain(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with one passing test, one evaluation, and the plugin installed."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        test_project="""
        import pytest

        def test_nothing():
            pass

        @pytest.mark.e2i("support")
        def test_evaluation(evaluate):
            raise AssertionError
        """
    )
    return pytester


def modules(project: pytest.Pytester, *args: str) -> set[str]:
    """Return the modules that a plain run has loaded at its end."""
    project.runpytest_subprocess("-p", "no:cacheprovider", *args).assert_outcomes(passed=1, deselected=ANY)
    return set(json.loads((project.path / "modules.json").read_text()))


@pytest.mark.usefixtures("cold_python")
def test_imports_nothing_heavy(plain: pytest.Pytester) -> None:
    """A plain run loads our entry module and the table of flags; other plugins' imports are not ours."""
    ours = modules(plain) - modules(plain, "-p", "no:e2i_eval", "--deselect", f"{FILE}::test_evaluation")

    assert "e2i_eval.plugin" in ours
    assert {name for name in ours if not name.startswith("e2i_eval")} <= STANDARD_LIBRARY
    assert not ours & set(HEAVY)


def test_writes_nothing_and_says_nothing(plain: pytest.Pytester) -> None:
    """A plain run leaves no file and prints no line of ours."""
    before = set(plain.path.rglob("*"))

    result = plain.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:benchmark")

    new = {path.name for path in set(plain.path.rglob("*")) - before if "runpytest" not in str(path)}
    assert {name for name in new if not name.endswith(".pyc")} <= {"__pycache__", "modules.json", "stdout", "stderr"}
    assert "e2i" not in "\n".join(line for line in result.outlines if not line.startswith(("plugins:", "rootdir:")))


def test_flags_that_belong_to_nobody_yet_are_unknown(plain: pytest.Pytester) -> None:
    """A flag whose feature does not exist is refused, not ignored."""
    result = plain.runpytest_subprocess("--e2i-no-such-feature=fix")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
