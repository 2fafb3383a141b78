"""The other side of ``FreshProcess``: a worker in a new interpreter, asked line by line in plain JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from e2i_eval.core.json_codec import to_json

if TYPE_CHECKING:
    from e2i_eval.plugin.worker import Worker
    from e2i_eval.runner.config.settings import Settings
    from e2i_eval.runner.families import Declared
    from e2i_eval.runner.report import CaseResult

__all__ = ["greeting", "main"]


def greeting(settings: Settings, reference: dict[str, object]) -> dict[str, Any]:
    """Return what the new process needs to know, as plain JSON."""
    return {
        "root": str(settings.root),
        "cache": str(settings.cache),
        "chosen": {
            "claude": settings.claude,
            "max_cost": settings.max_cost_usd,
            "replay_times": settings.is_paced,
        },
        "sys_path": [path for path in sys.path if path],
        "reference": reference,
    }


def main() -> None:
    """Evaluate what is asked for on standard input until it ends."""
    answers = _only_for_answers()
    hello = json.loads(sys.stdin.readline() or "null")
    if hello is None:
        return
    sys.path[:] = hello["sys_path"]
    worker, settings = _worker(hello)
    try:
        worker.evaluator()  # imports what it needs while nobody waits for it yet
        for line in sys.stdin:
            question = json.loads(line)
            if "end" in question:
                _say(answers, {"lost": worker.finish()})
                return
            _say(answers, {"id": question["id"], **_answer(worker, settings, question)})
    finally:
        worker.close()


def _only_for_answers() -> TextIO:
    """Return standard output, and let whatever the target prints go to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _say(answers: TextIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def _worker(hello: dict[str, Any]) -> tuple[Worker, Settings]:
    from e2i_eval.plugin.worker import Worker  # noqa: PLC0415  heavy: the greeting's sys.path comes first
    from e2i_eval.runner.config.settings import read_settings  # noqa: PLC0415  as above

    root = Path(hello["root"])
    settings = read_settings(root, hello["chosen"], cache=Path(hello["cache"]), invocation=root)
    return Worker(settings, hello["reference"]), settings


def _answer(worker: Worker, settings: Settings, question: dict[str, Any]) -> dict[str, Any]:
    from e2i_eval.core.errors import E2iError  # noqa: PLC0415  as above

    try:
        return {"result": to_json(_result(worker, settings, question))}
    except E2iError as error:
        return {"problem": str(error)}


def _result(worker: Worker, settings: Settings, question: dict[str, Any]) -> CaseResult:
    from e2i_eval.runner.families import read_families  # noqa: PLC0415  as above
    from e2i_eval.runner.families.derived_case import derived_case  # noqa: PLC0415  as above
    from e2i_eval.runner.families.family_check import Before, family_check  # noqa: PLC0415  as above
    from e2i_eval.runner.families.family_runner import golden_case  # noqa: PLC0415  as above

    file = settings.targets[question["target"]].families
    assert file is not None  # noqa: S101  the other side found the check in it
    plan = read_families(file, root=settings.root)[question["target"]]
    declared = next(each for each in plan.checks if _is_asked(each, question))
    golden = golden_case(settings, declared.case_id, declared)
    before = Before(case=golden, output=question["output"], error=question["error"], status=question["status"])
    case = derived_case(declared, golden, lambda case_id: golden_case(settings, case_id, declared))
    return worker.evaluator().evaluate(case, question["nodeid"], checks=(family_check(declared, before),)).result


def _is_asked(declared: Declared, question: dict[str, Any]) -> bool:
    return declared.family == "fresh-process" and declared.name == question["name"]


if __name__ == "__main__":
    main()
