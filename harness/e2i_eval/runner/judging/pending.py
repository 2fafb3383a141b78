"""Questions to judges that wait for the end of the session."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock

from e2i_eval.checks.judges.subject import JudgeSubject  # noqa: TC001  from_json reads the types at run time
from e2i_eval.core.json_codec import from_json, to_json
from e2i_eval.core.judge_rule import JudgeRule  # noqa: TC001  as above

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["JudgeQuestion", "Pending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeQuestion:
    """One question, with all it takes to ask it in another process.

    Attributes:
        nodeid: the pytest item.
        repeat: which repetition of the case.
        where: ``file:line`` of the case's judges.
        rule: the judge.
        model: who judges.
        subject: what is judged.
    """

    nodeid: str
    repeat: int
    where: str
    rule: JudgeRule
    model: str
    subject: JudgeSubject


class Pending:
    """A file of questions in a folder that the session's processes share."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "judges.jsonl"
        self._lock = FileLock(folder / "judges.lock")

    def add(self, question: JudgeQuestion) -> None:
        """Write a question down."""
        with self._lock, self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(to_json(question)) + "\n")

    def take(self) -> tuple[JudgeQuestion, ...]:
        """Return the questions, in the order they came, and forget them."""
        with self._lock:
            lines = self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else []
            self._file.unlink(missing_ok=True)
        return tuple(from_json(JudgeQuestion, json.loads(line)) for line in lines)
