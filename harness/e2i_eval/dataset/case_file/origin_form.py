"""The form of ``origin:``, the stored trace a case was made of."""

from __future__ import annotations

from pydantic import Field

from e2i_eval.dataset.case_file.form import Form

__all__ = ["OriginForm"]


class OriginForm(Form):
    """The stored trace this case was made of; nothing is judged by it."""

    trace: str = Field(description="Id of the trace.", min_length=1, examples=["tr-3fa85f6457174562b3fc2c963f66afa6"])
    experiment: str = Field(default="", description="Id of the MLflow experiment it is stored in.", examples=["7"])
    at: str = Field(default="", description="When the call began, in UTC.", examples=["2026-11-23T14:40:35.078Z"])
    tracking_uri: str = Field(
        default="", description="Address of the server, without name and password.", examples=["https://mlflow.example"]
    )
