"""A declared check of a family, as the families file states it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from e2i_eval.core.case import Expectation
from e2i_eval.runner.families.family import FAMILIES, FORMER_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from e2i_eval.core.case import ScriptedAnswer
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.runner.families.family import Family
    from e2i_eval.runner.families.relation import Relation

__all__ = ["UNAVAILABLE", "Alteration", "Declared", "FamilyPlan"]

UNAVAILABLE = "unavailable"
"""In place of a case's name: Claude answers HTTP 529 to every request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alteration:
    """What is different from the golden case.

    Attributes:
        change: new values of inputs, by dotted path; a path that is not there is added.
        remove: inputs left out, by dotted path.
        claude: a golden case of the target whose script answers, or ``unavailable``; empty: the case's own script.
        script: what Claude answers; None: what ``claude`` says.
        seam: ``module:attribute`` of a function that returns a context manager, entered around the call; empty: none.
        environment: variables for the time of the call.
    """

    change: JsonObject = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    claude: str = ""
    script: tuple[ScriptedAnswer, ...] | None = None
    seam: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_nothing(self) -> bool:
        """Tell whether the golden case is left as it is."""
        return self == Alteration()

    @property
    def is_around_target(self) -> bool:
        """Tell whether something about the process changes, which a target may have read when it was built."""
        return bool(self.seam or self.environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One check of a family on one target.

    Attributes:
        target: the target's name.
        family: the family.
        name: unique within target and family.
        case: name of the golden case it starts from.
        alteration: what is different from that case.
        expect: what must hold, for ``null`` and ``ablation``; empty for the others.
        relation: how the answers must relate, for ``metamorphic`` and ``fresh-process``; None for the others.
        truths: output paths whose rules in the case are the known truth, for ``truth``.
        tag: name of the provenance tag, for ``provenance``; else empty.
        must: the provenance demanded, for ``provenance``; else empty.
        path: the families file, as messages show it.
        lines: line of each key, by the dotted paths of a case file; the check's own under the empty key.
    """

    target: str
    family: Family
    name: str
    case: str
    path: Path
    lines: Mapping[str, int]
    alteration: Alteration = field(default_factory=Alteration)
    expect: Expectation = field(default_factory=Expectation)
    relation: Relation | None = None
    truths: tuple[str, ...] = ()
    tag: str = ""
    must: str = ""

    @property
    def id(self) -> str:
        """The id of its result, ``<target>/<family>/<name>``."""
        return f"{self.target}/{self.family}/{self.name}"

    @property
    def case_id(self) -> str:
        """The id of the golden case it starts from."""
        return f"{self.target}/{self.case}"

    @property
    def where(self) -> str:
        """``file:line`` of the check."""
        return f"{self.path}:{self.lines.get('', 1)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyPlan:
    """What the families file says of one target.

    Attributes:
        target: the target's name.
        checks: in the order of the families, within each in that of the file.
        not_applicable: why a family has no check here, by family.
        provenance_tag: the tag every trace of the target must have; empty demands none.
        provenances: the values it may have.
        where: ``file:line`` of the target's table.
    """

    target: str
    checks: tuple[Declared, ...]
    not_applicable: Mapping[Family, str]
    provenance_tag: str
    provenances: tuple[str, ...]
    where: str

    @property
    def undeclared(self) -> tuple[Family, ...]:
        """The families that have neither a check nor a reason why not, in their order."""
        said = {check.family for check in self.checks} | set(self.not_applicable)
        known = {FORMER_NAMES.get(family, family) for family in said}
        return tuple(family for family in FAMILIES if family not in {*known, *FORMER_NAMES})

    @property
    def cases(self) -> frozenset[str]:
        """Ids of the golden cases its checks start from."""
        return frozenset(check.case_id for check in self.checks)
