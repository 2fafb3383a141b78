"""A file that a flag names for a result."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.core.errors import UsageError
from e2i_eval.runner.report_files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ResultFile", "result_file"]


@dataclass(frozen=True, slots=True)
class ResultFile:
    """Where a result goes; what stands there already stays until there is one.

    Attributes:
        flag: that named it, ``--json``.
        path: the file.
    """

    flag: str
    path: Path

    def refuse_unwritable(self) -> None:
        """Find out before minutes of work whether the result will have a place.

        Raises:
            UsageError: it will not.
        """
        with self._refusing():
            if self.path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            self.path.parent.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.path.parent).close()

    def write(self, text: str) -> None:
        """Write the file whole or not at all; its folder is made.

        Raises:
            UsageError: it cannot be written.
        """
        with self._refusing():
            write_atomically(self.path, text)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"{self.flag} {self.path} cannot be written: {error.strerror or error}"
            raise UsageError(what, fix="choose another file") from error


def result_file(flag: str, named: Path | str | None) -> ResultFile | None:
    """Return the file a flag names; None when it names none, or ``-``, the terminal."""
    return None if named in {None, "-"} else ResultFile(flag, Path(str(named)))
