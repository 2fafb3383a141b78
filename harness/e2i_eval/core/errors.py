"""The errors of this package: what happened, with which value, where, and what to type now."""

from __future__ import annotations

__all__ = ["CaseFileError", "E2iError", "ServerError", "UnknownError", "UsageError"]


class E2iError(Exception):
    """Base of every error this package raises on purpose.

    Attributes:
        what: what happened, with the offending value, as one sentence.
        where: the place a person would open, ``file:line`` where known; None where there is no such place.
        fix: what to type or change now; None where nothing is known to help.
    """

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        super().__init__(what, where, fix)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


class UsageError(E2iError):
    """The user's configuration or command line is wrong; nothing was run (exit code 4)."""


class CaseFileError(UsageError):
    """A case file is wrong; ``where`` is its ``file:line``."""


class ServerError(E2iError):
    """The tracking server cannot be started, reached or used."""


class UnknownError(E2iError):
    """Evidence could not be had, so nothing may be concluded from its absence."""
