"""The form of ``expect.rag``: what retrieval, citations and the answer must be like."""

from __future__ import annotations

from typing import Annotated, Self, TypeAlias

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from e2i_eval.core.case import RagRule, ValueRule
from e2i_eval.dataset.case_file.form import Form, Given

__all__ = ["RagForm"]

Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]

LABELLED = ("context_precision", "context_recall")
"""Measures that need to know which documents are relevant."""

MEASURES = (*LABELLED, "citations", "groundedness")


class ShareForm(Form):
    """Bounds of a measure, which lies between 0 and 1."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    min: Given[Share] = Field(default=None, description="Inclusive lower bound.", examples=[0.8])
    max: Given[Share] = Field(default=None, description="Inclusive upper bound.", examples=[0.9])

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        kind = "share"
        if self.min is None and self.max is None:
            raise PydanticCustomError(kind, "demands nothing; give it min or max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise PydanticCustomError(kind, "can never hold: min is above max; swap them")
        return self


class RagForm(Form):
    """What retrieval and the answer made of it must be like; each measure lies between 0 and 1."""

    relevant: Given[Annotated[list[str], Field(min_length=1)]] = Field(
        default=None, description="Ids of the documents a reader would want.", examples=[["refunds", "payment-times"]]
    )
    answer: str = Field(default="answer", description="Dotted path of the answer's text in the output.", min_length=1)
    context_precision: Given[ShareForm] = Field(
        default=None, description="How early the relevant documents come in the context.", examples=[{"min": 0.8}]
    )
    context_recall: Given[ShareForm] = Field(
        default=None, description="Share of the relevant documents that are in the context.", examples=[{"min": 1.0}]
    )
    citations: Given[ShareForm] = Field(
        default=None,
        description="Share of the citations that name a document of the context which supports the claim.",
        examples=[{"min": 1.0}],
    )
    groundedness: Given[ShareForm] = Field(
        default=None,
        description="Share of the answer's sentences whose numbers, names and terms stand in the context.",
        examples=[{"min": 0.9}],
    )

    @model_validator(mode="after")
    def _can_be_measured(self) -> Self:
        kind = "rag"
        if not any(getattr(self, name) for name in MEASURES):
            message = "demands nothing; give it {measures}"
            raise PydanticCustomError(kind, message, {"measures": " or ".join(MEASURES)})
        for name in LABELLED:
            if getattr(self, name) and self.relevant is None:
                message = "has '{name}' and no 'relevant' ids to measure it by; add 'relevant'"
                raise PydanticCustomError(kind, message, {"name": name})
        return self

    def rag(self) -> RagRule:
        """Return the value."""
        forms: dict[str, ShareForm | None] = {name: getattr(self, name) for name in MEASURES}
        return RagRule(
            bounds={name: ValueRule(min=form.min, max=form.max) for name, form in forms.items() if form is not None},
            relevant=tuple(dict.fromkeys(self.relevant or ())),
            answer=self.answer,
        )
