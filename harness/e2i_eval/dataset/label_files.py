"""Files of labels beside the cases, and of what judges were calibrated to by them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationError

from e2i_eval.checks.judges.calibration import Calibration
from e2i_eval.checks.judges.labels import Label, LabelSet
from e2i_eval.core.errors import UsageError
from e2i_eval.core.suggestion import did_you_mean, quoted
from e2i_eval.dataset.case_file.form import Form
from e2i_eval.dataset.case_file.mistake import mistake
from e2i_eval.dataset.case_file.problem import Problem, case_file_error
from e2i_eval.dataset.case_file.yaml_document import parse_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

__all__ = ["LABELS_FOLDER", "calibration_file", "read_calibrations", "read_labels"]

LABELS_FOLDER = "labels"
"""Below the golden folder: ``<judge>.yaml`` and, once accepted, ``<judge>.calibration.json``."""

SUFFIX = ".calibration.json"
DATE = r"^\d{4}-\d{2}-\d{2}$"
SUBSTANTIAL = 0.6
"""Landis and Koch 1977 call the agreement above it substantial."""


class LabelForm(Form):
    """One person's score of one case's answer."""

    case: Annotated[str, Field(min_length=1)]
    score: int
    by: Annotated[str, Field(min_length=1)]
    date: Annotated[str, Field(pattern=DATE)]


class LabelsForm(Form):
    """The labels of one judge."""

    schema_: Literal[1] = Field(alias="schema")
    scale: Annotated[list[int], Field(min_length=2, max_length=2)] = Field(default=[1, 5])
    min_kappa: Annotated[float, Field(ge=-1, le=1)] = SUBSTANTIAL
    uncalibrated: Literal["warn", "fail"] = "warn"
    labels: list[LabelForm]


def read_labels(golden: Path) -> tuple[LabelSet, ...]:
    """Return the labels of every judge that has some, by name.

    Raises:
        E2iError: a file is wrong.
    """
    return tuple(_label_set(path) for path in sorted((golden / LABELS_FOLDER).glob("*.y*ml")))


def read_calibrations(golden: Path) -> Mapping[str, Calibration | None]:
    """Return what each judge with labels was accepted as; None for one that was not.

    Raises:
        E2iError: a file is wrong.
    """
    every = read_labels(golden)
    return {labels.judge: _calibration(calibration_file(golden, labels.judge), labels) for labels in every}


def calibration_file(golden: Path, judge: str) -> Path:
    """Return the file that holds what ``judge`` was accepted as."""
    return golden / LABELS_FOLDER / f"{judge}{SUFFIX}"


def _calibration(path: Path, labels: LabelSet) -> Calibration | None:
    if not path.is_file():
        return None
    try:
        accepted = json.loads(path.read_text(encoding="utf-8"))["calibration"]
        # what is required of a judge is written with the labels, and is read from there
        return Calibration.from_json({**accepted, "min_kappa": labels.min_kappa, "uncalibrated": labels.uncalibrated})
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"the calibration cannot be read: {type(error).__name__}: {error}"
        fix = "make it anew with: e2i-eval calibrate --accept"
        raise UsageError(what, where=str(path), fix=fix) from error


def _label_set(path: Path) -> LabelSet:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = f"the labels cannot be read: {error}"
        raise UsageError(what, where=str(path)) from error
    document = parse_yaml(text)
    if document.problems:
        raise case_file_error(str(path), list(document.problems))
    try:
        form = LabelsForm.model_validate(document.data)
    except ValidationError as error:
        raise case_file_error(str(path), [_problem(each, document.lines) for each in error.errors()]) from None
    low, high = form.scale
    for at, label in enumerate(form.labels):
        _refuse_off_scale(path, document.lines.get(f"labels.{at}.score", 1), label.score, low, high)
    return LabelSet(
        judge=path.stem,
        scale=(low, high),
        min_kappa=form.min_kappa,
        uncalibrated=form.uncalibrated,
        labels=tuple(
            Label(**each.model_dump(), line=document.lines.get(f"labels.{at}", 0))
            for at, each in enumerate(form.labels)
        ),
        where=str(path),
    )


def _refuse_off_scale(path: Path, line: int, score: int, low: int, high: int) -> None:
    if not low <= score <= high:
        what = f"the score {score} is not on the scale from {low} to {high}"
        raise UsageError(what, where=f"{path}:{line}", fix="correct the score, or the scale")


def _problem(error: ErrorDetails, lines: Mapping[str, int]) -> Problem:
    """Return a mistake of the file; its keys are its own, and not those of a case file."""
    if error["type"] != "extra_forbidden":
        return mistake(error, lines)
    key = ".".join(map(str, error["loc"]))
    form = LabelForm if "." in key else LabelsForm
    known = [field.alias or name for name, field in form.model_fields.items()]
    what = f"unknown key '{key}'{did_you_mean(str(error['loc'][-1]), known)}"
    return Problem(line=lines.get(key, 1), what=what, fix=f"known here: {quoted(known)}")
