"""What the page on families shows is read by the product."""

from __future__ import annotations

import re
from pathlib import Path

from e2i_eval.runner.config.settings import read_settings
from e2i_eval.runner.families import read_families
from e2i_eval.runner.families.family import FAMILIES
from e2i_eval.runner.families.family_form import TargetForm

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "reference" / "families.md"


def blocks() -> list[str]:
    """Return the TOML blocks of the page."""
    return re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)


def test_the_page_can_be_copied(tmp_path: Path) -> None:
    """The configuration names the file, and the file uses or excuses every family."""
    configuration, families = blocks()
    (tmp_path / "pyproject.toml").write_text(configuration)
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals" / "families.toml").write_text(families)

    settings = read_settings(tmp_path, {}, cache=tmp_path, invocation=tmp_path)
    file = settings.targets["support"].families
    assert file is not None
    plan = read_families(file, root=tmp_path)["support"]

    assert plan.undeclared == ()
    assert len(plan.checks) == 7


def test_every_key_is_on_the_page() -> None:
    """No key is known to the product alone."""
    page = PAGE.read_text()
    schema = TargetForm.model_json_schema(by_alias=True)
    keys = {
        key for form in schema["$defs"].values() if "case" in form.get("properties", {}) for key in form["properties"]
    }

    assert len(keys) > 10
    assert {key for key in keys if f"`{key}`" not in page} == set()
    assert all(f"`{family}`" in page for family in FAMILIES)


def test_the_platforms_own_file_uses_every_family_on_every_target() -> None:
    """Twelve targets, six families, no excuse."""
    plans = read_families(ROOT / "evals" / "families.toml", root=ROOT)

    assert len(plans) == 12
    assert {name: plan.undeclared for name, plan in plans.items() if plan.undeclared} == {}
    assert {name: plan.not_applicable for name, plan in plans.items() if plan.not_applicable} == {}
