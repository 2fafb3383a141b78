"""The form of a families file."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from e2i_eval.core.case import ErrorRule, Expectation, Tolerance
from e2i_eval.dataset.case_file.expect_form import ErrorRuleForm, ToleranceForm
from e2i_eval.dataset.case_file.form import DiffPath, Form, Given, PathRegex
from e2i_eval.dataset.case_file.rule_form import Rules, value_rules
from e2i_eval.dataset.case_file.script_form import AnswerForm  # noqa: TC001  pydantic reads it at run time
from e2i_eval.runner.families.declared import Alteration
from e2i_eval.runner.families.family import Family  # noqa: TC001  as above
from e2i_eval.runner.families.relation import Must, Relation

__all__ = ["CheckForm", "FamiliesForm", "TargetForm"]

EVERYTHING = "."
PROVENANCES = ("computed", "fallback", "heuristic", "canned")

Word = Annotated[str, StringConstraints(min_length=1)]
Seam = Annotated[str, StringConstraints(pattern=r"^[\w.]+:[\w.]+$")]
Name = Annotated[str, StringConstraints(pattern=r"^[\w.-]+$")]


class CheckForm(Form):
    """One check of any family."""

    case: Word = Field(description="Name of the golden case it starts from.")

    def parts(self) -> dict[str, Any]:
        """Return what the family adds, as arguments of ``Declared``."""
        raise NotImplementedError

    def contradiction(self) -> str:
        """Return what makes the check say nothing, a sentence; empty when it says something."""
        return ""


class AlteredForm(CheckForm):
    """A check on a case that is called in another way than its file says."""

    change: dict[str, Any] = Field(default_factory=dict, description="New values of inputs, by dotted path.")
    remove: list[Word] = Field(default_factory=list, description="Inputs left out, by dotted path.")
    claude: Given[Word | list[AnswerForm]] = Field(
        default=None,
        description="What Claude answers: the script of another golden case by its name, 'unavailable', or entries as "
        "in a case file; the case's own script when left out.",
    )
    seam: Given[Seam] = Field(
        default=None, description="'module:attribute' of a function that returns a context manager, entered around it."
    )
    environment: dict[str, str] = Field(default_factory=dict, description="Environment variables for the time of it.")

    def alteration(self) -> Alteration:
        """Return the value."""
        entries = self.claude if isinstance(self.claude, list) else None
        return Alteration(
            change=self.change,
            remove=tuple(self.remove),
            claude=self.claude if isinstance(self.claude, str) else "",
            script=None if entries is None else tuple(entry.answer(0) for entry in entries),
            seam=self.seam or "",
            environment=self.environment,
        )


class TruthForm(CheckForm):
    """The case's answer is known."""

    values: list[Word] = Field(min_length=1, description="Paths whose rules in the case are the known truth.")

    def parts(self) -> dict[str, Any]:
        """Return the truths."""
        return {"truths": tuple(self.values)}


class NullForm(AlteredForm):
    """There is nothing to find."""

    values: Rules = Field(min_length=1, description="Rules for single values of the output, by dotted path.")
    metrics: Given[Rules] = Field(default=None, description="Rules for metrics that must be logged.")

    def parts(self) -> dict[str, Any]:
        """Return the alteration and the rules."""
        expect = Expectation(values=value_rules(self.values), metrics=value_rules(self.metrics))
        return {"alteration": self.alteration(), "expect": expect}


class MetamorphicForm(AlteredForm):
    """A change of the input changes the answer as it must."""

    path: Word | Annotated[list[Word], Field(min_length=1)] = Field(
        default=EVERYTHING, description="Values that are compared, by dotted path; '.' is the whole output."
    )
    must: Must = Field(description="How they relate to those before the change.")
    tolerance: ToleranceForm = Field(default_factory=ToleranceForm, description="For every number.")
    ignore: list[DiffPath] = Field(default_factory=list, description="DeepDiff paths below 'path' that do not count.")
    ignore_regex: list[PathRegex] = Field(default_factory=list, description="Regular expressions over such paths.")

    def parts(self) -> dict[str, Any]:
        """Return the alteration and the relation."""
        return {"alteration": self.alteration(), "relation": _relation(self, self.must, self.path)}

    def contradiction(self) -> str:
        """Demand that something is changed."""
        if self.alteration().is_nothing:
            return "changes nothing; add 'change', 'remove', 'seam' or 'environment'"
        return ""


class AblationForm(AlteredForm):
    """With a dependency off, answer and log must say so."""

    values: Given[Rules] = Field(default=None, description="What the answer must say.")
    error: Given[ErrorRuleForm] = Field(default=None, description="The error it must end in, instead of an answer.")
    tags: Rules = Field(min_length=1, description="What the trace must say, by tag.")

    def parts(self) -> dict[str, Any]:
        """Return the alteration and the rules."""
        error = ErrorRule(type=self.error.type, contains=self.error.contains) if self.error else None
        expect = Expectation(values=value_rules(self.values), tags=value_rules(self.tags), error=error)
        return {"alteration": self.alteration(), "expect": expect}

    def contradiction(self) -> str:
        """Demand that something is off, and that the answer must show it."""
        if not (self.seam or self.environment or self.claude or self.change or self.remove):
            return "turns nothing off; add 'seam', 'environment' or claude = \"unavailable\""
        if bool(self.values) == bool(self.error):
            return "must say what the answer is then: either 'values' or 'error'"
        return ""


class FreshProcessForm(CheckForm):
    """A new process gives the same answer."""

    path: Word | Annotated[list[Word], Field(min_length=1)] = Field(default=EVERYTHING, description="What is compared.")
    tolerance: ToleranceForm = Field(default_factory=ToleranceForm, description="For every number.")
    ignore: list[DiffPath] = Field(default_factory=list, description="DeepDiff paths below 'path' that do not count.")
    ignore_regex: list[PathRegex] = Field(default_factory=list, description="Regular expressions over such paths.")

    def parts(self) -> dict[str, Any]:
        """Return the relation."""
        return {"relation": _relation(self, "same", self.path)}


class ProvenanceForm(CheckForm):
    """The case's answer comes from where it must."""

    must: Word = Field(description="The provenance its traces must have.")

    def parts(self) -> dict[str, Any]:
        """Return the provenance."""
        return {"must": self.must}


class TargetForm(Form):
    """The families of one target."""

    FAMILY_KEYS: ClassVar[dict[str, str]] = {
        "truth": "truth",
        "null": "null",
        "metamorphic": "metamorphic",
        "ablation": "ablation",
        "knock-out": "knock_out",
        "fresh-process": "fresh_process",
        "provenance": "provenance",
    }
    """Field by family."""

    truth: dict[Name, TruthForm] = Field(default_factory=dict)
    null: dict[Name, NullForm] = Field(default_factory=dict)
    metamorphic: dict[Name, MetamorphicForm] = Field(default_factory=dict)
    ablation: dict[Name, AblationForm] = Field(default_factory=dict)
    knock_out: dict[Name, AblationForm] = Field(
        default_factory=dict, alias="knock-out", description="The former name of 'ablation'."
    )
    fresh_process: dict[Name, FreshProcessForm] = Field(default_factory=dict, alias="fresh-process")
    provenance: dict[Name, ProvenanceForm] = Field(default_factory=dict)
    not_applicable: dict[Family, Word] = Field(default_factory=dict, description="Why a family has no check here.")

    def checks(self, family: str) -> dict[str, CheckForm]:
        """Return the checks of ``family`` by name."""
        return dict(getattr(self, self.FAMILY_KEYS[family]))


class FamiliesForm(Form):
    """A whole families file."""

    schema_: Literal[1] = Field(alias="schema", description="Version of this format.")
    provenance_tag: Given[Word] = Field(default=None, description="Trace tag that says where an answer comes from.")
    provenances: list[Word] = Field(
        default_factory=lambda: list(PROVENANCES), min_length=1, description="The values the tag may have."
    )
    targets: dict[str, TargetForm] = Field(default_factory=dict)


def _relation(form: MetamorphicForm | FreshProcessForm, must: Must, path: str | list[str]) -> Relation:
    return Relation(
        paths=(path,) if isinstance(path, str) else tuple(path),
        must=must,
        tolerance=Tolerance(rel=form.tolerance.rel, abs=form.tolerance.abs),
        ignore=tuple(form.ignore),
        ignore_regex=tuple(form.ignore_regex),
    )
