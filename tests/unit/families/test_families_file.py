"""Reading a families file: what it means, and what is said about mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.errors import UsageError
from e2i_eval.runner.families import FamilyPlan, read_families

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
schema = 1
provenance_tag = "shop.origin"

[targets.support.not_applicable]
null = "every question has an answer"

[targets.support.truth.refund]
case = "refund"
values = ["amount_usd"]

[targets.support.metamorphic.more]
case = "refund"
change = { "order.price" = 9.5 }
path = ["amount_usd", "."]
must = "increase"
tolerance = { rel = 0.1, abs = 2 }
claude = "other"

[targets.support.ablation.shop]
case = "refund"
environment = { SHOP = "off" }
tags = { "shop.origin" = "fallback" }

[targets.support.ablation.shop.values]
answer = { contains = "sorry" }
amount_usd = { equals = 0 }

[targets.support.provenance.refund]
case = "refund"
must = "computed"
"""


def plans(folder: Path, text: str) -> dict[str, FamilyPlan]:
    """Return what a file with this text says."""
    file = folder / "families.toml"
    file.write_text(text)
    return read_families(file, root=folder)


def problem(folder: Path, text: str) -> str:
    """Return what is wrong with a file with this text."""
    with pytest.raises(UsageError) as raised:
        plans(folder, text)
    return str(raised.value)


def test_checks_are_read_in_order_of_families(tmp_path: Path) -> None:
    """Ids, the order, the place, and what is left out with a reason or without one."""
    plan = plans(tmp_path, GOOD)["support"]

    assert [check.id for check in plan.checks] == [
        "support/truth/refund",
        "support/metamorphic/more",
        "support/ablation/shop",
        "support/provenance/refund",
    ]
    assert plan.checks[1].where == "families.toml:11"
    assert plan.undeclared == ("fresh-process",)
    assert plan.not_applicable == {"null": "every question has an answer"}
    assert plan.cases == {"support/refund"}


def test_parts_of_a_check(tmp_path: Path) -> None:
    """Alteration, relation, rules and their lines, provenance."""
    truth, more, shop, origin = plans(tmp_path, GOOD)["support"].checks

    assert truth.truths == ("amount_usd",)
    assert more.alteration.change == {"order.price": 9.5}
    assert more.alteration.claude == "other"
    assert more.relation
    assert (more.relation.paths, more.relation.must) == (("amount_usd", "."), "increase")
    assert (more.relation.tolerance.rel, more.relation.tolerance.abs) == (0.1, 2.0)
    assert shop.alteration.environment == {"SHOP": "off"}
    assert shop.expect.values["answer"].contains == "sorry"
    assert shop.lines["expect.values.amount_usd"] == 26
    assert (origin.tag, origin.must) == ("shop.origin", "computed")


def test_the_former_name_of_ablation_is_read_and_kept(tmp_path: Path) -> None:
    """Ids stay as the user wrote them, and the family counts as used."""
    now, former = plans(tmp_path, GOOD)["support"], plans(tmp_path, GOOD.replace("ablation", "knock-out"))["support"]
    checks = {check.name: check for check in now.checks}

    assert [check.id for check in former.checks] == [
        "support/truth/refund",
        "support/metamorphic/more",
        "support/knock-out/shop",
        "support/provenance/refund",
    ]
    assert former.checks[2].expect == checks["shop"].expect
    assert former.undeclared == now.undeclared == ("fresh-process",)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("schema = 1", "schema = 2", "families.toml:1: schema: Input should be 1"),
        ("schema = 1", "schema = ", "this is no TOML"),
        (
            'path = ["amo',
            'paths = ["amo',
            "families.toml:14: unknown key 'targets.support.metamorphic.more.paths', did you mean 'path'?",
        ),
        (
            'must = "increase"',
            'must = "rise"',
            "families.toml:15: targets.support.metamorphic.more.must: Input should be 'same', 'change'",
        ),
        ("[targets.support.truth", "[targets.support.truths", "did you mean 'truth'?"),
        ('change = { "order.price" = 9.5 }\n', 'claude_ = "x"\n', "unknown key"),
        ('environment = { SHOP = "off" }\n', "", "support.ablation.shop turns nothing off"),
        ('tags = { "shop.origin" = "fallback" }\n', "", "tags: Field required"),
        ('provenance_tag = "shop.origin"\n', "", "which tag holds the provenance?"),
        (
            'must = "computed"',
            'must = "real"',
            "must = 'real' is not one of 'computed', 'fallback', 'heuristic', 'canned'",
        ),
        ("\nnull = ", "\ntruth = ", "has checks of the family 'truth', and a reason why it has none"),
        ("\nnull = ", "\nknock-out = ", "has checks of the family 'ablation', and a reason why it has none"),
        ("[targets.support.truth.refund]", '[targets.support.truth."a b"]', "String should match pattern"),
        ('values = ["amount_usd"]', "values = []", "at least 1 item"),
    ],
)
def test_mistake_is_named(tmp_path: Path, before: str, after: str, said: str) -> None:
    """Line, key and what to write."""
    assert before in GOOD

    assert said in problem(tmp_path, GOOD.replace(before, after))


def test_check_that_changes_nothing_is_refused(tmp_path: Path) -> None:
    """A relation between an answer and itself could not fail."""
    same = 'schema = 1\n[targets.a.metamorphic.b]\ncase = "c"\nmust = "same"\n'

    assert "families.toml:2: a.metamorphic.b changes nothing; add 'change'" in problem(tmp_path, same)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Nobody mends a file one mistake a run."""
    said = problem(tmp_path, GOOD.replace("case =", "caze =").replace('must = "increase"', "must = 3"))

    assert said.count("did you mean 'case'?") == 4
    assert "Input should be 'same'" in said


def test_file_that_is_not_there(tmp_path: Path) -> None:
    """The path and where it is written."""
    with pytest.raises(UsageError, match=r"gone\.toml: the families file cannot be read"):
        read_families(tmp_path / "gone.toml", root=tmp_path)
