"""The form of a whole case file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field

from e2i_eval.core.case import Case
from e2i_eval.dataset.case_file.expect_form import ExpectForm
from e2i_eval.dataset.case_file.form import Form, Given
from e2i_eval.dataset.case_file.origin_form import OriginForm  # noqa: TC001  as below
from e2i_eval.dataset.case_file.script_form import AnswerForm  # noqa: TC001  pydantic reads it at run time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["SCHEMA_VERSION", "CaseForm"]

SCHEMA_VERSION = 1


class CaseForm(Form):
    """One golden case of a target, for pytest --e2i-eval."""

    model_config = ConfigDict(title="e2i-eval case")

    schema_: Literal[1] = Field(alias="schema", description="Version of this format.", examples=[SCHEMA_VERSION])
    description: str = Field(default="", description="One sentence for a person.")
    inputs: dict[str, Any] = Field(
        description="What the target is called with.", examples=[{"question": "Where is my refund?"}]
    )
    claude: list[AnswerForm] = Field(
        default_factory=list, description="What Claude answers in mock mode, matched by node and order of the calls."
    )
    expect: ExpectForm = Field(default_factory=ExpectForm, description="What must come out.")
    checks: list[str] = Field(
        default_factory=list,
        description="Checks of the project that judge this case too, each as module:attribute.",
        examples=[["shop.checks:polite"]],
    )
    origin: Given[OriginForm] = Field(default=None, description="The stored trace that this case was made of.")
    tags: list[str] = Field(default_factory=list, description="Words to select cases by.", examples=[["smoke"]])

    def case(self, *, target: str, name: str, path: Path, lines: Mapping[str, int]) -> Case:
        """Return the value; ``path`` is what messages show, ``lines`` the line of each key."""
        return Case(
            id=f"{target}/{name}",
            target=target,
            inputs=self.inputs,
            script=tuple(form.answer(lines.get(f"claude.{at}", 0)) for at, form in enumerate(self.claude)),
            expect=self.expect.expectation(),
            checks=tuple(self.checks),
            description=self.description,
            tags=tuple(self.tags),
            path=path,
            lines=lines,
        )
