"""The work of ``e2i-eval calibrate``."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.checks.judges.calibration import calibrate
from e2i_eval.cli.run_report import find_report
from e2i_eval.core.errors import UsageError
from e2i_eval.dataset.label_files import LABELS_FOLDER, calibration_file, read_labels
from e2i_eval.report.calibration_lines import calibration_lines
from e2i_eval.runner.config.options import cache_folder, ci_variable, environment, parse_settings
from e2i_eval.runner.report_files import write_atomically

if TYPE_CHECKING:
    import argparse

    from e2i_eval.checks.judges.calibration import Calibration
    from e2i_eval.runner.report import Report

__all__ = ["calibrate_judges"]

CALIBRATED, NOT_CALIBRATED = 0, 1
FORMAT = 1


def calibrate_judges(arguments: argparse.Namespace) -> int:
    """Print how far each judge with labels agrees with them; return 1 when one is not calibrated.

    Raises:
        UsageError: there are no labels, the report cannot be read, or nothing may be accepted here.
    """
    environ = environment()
    variable = ci_variable(environ) if arguments.accept else ""
    if variable:
        what = f"calibrations are read-only in CI ({variable} is set): a person accepts one, and commits it"
        raise UsageError(what, fix="run it on your machine and commit the file")
    settings = parse_settings(Path.cwd(), lambda _: None, lambda _: None)
    labels = read_labels(settings.golden)
    if not labels:
        what = "there are no labels to calibrate judges with"
        fix = "write one file per judge: its name with the suffix .yaml"
        raise UsageError(what, where=str(settings.golden / LABELS_FOLDER), fix=fix)
    server = arguments.tracking_uri or arguments.store or settings.store
    report = find_report(
        arguments.report, reports=settings.report, server=server, cache=cache_folder(environ), environ=environ
    )
    judgements = [each for case in report.cases for each in case.judgements]
    found = [calibrate(each, judgements) for each in labels]
    sys.stdout.write("\n".join(calibration_lines(found)) + "\n")
    if arguments.accept:
        for each in found:
            _write(calibration_file(settings.golden, each.judge), each, report)
    return NOT_CALIBRATED if any(each.doubt for each in found) else CALIBRATED


def _write(path: Path, calibration: Calibration, report: Report) -> None:
    document = {
        "format": FORMAT,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "session": str(report.session.get("id", "")),
        "claude": str(report.session.get("claude", "")),
        "calibration": calibration.to_json(),
    }
    write_atomically(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.write(f"wrote {path}\n")
