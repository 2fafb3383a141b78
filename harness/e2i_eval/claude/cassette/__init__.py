"""Cassettes: what Claude really answered, kept beside the cases, and played again."""

from __future__ import annotations

from e2i_eval.claude.cassette.answer_of import usage_of
from e2i_eval.claude.cassette.cassette import Cassette
from e2i_eval.claude.cassette.entry import CassetteEntry, Piece
from e2i_eval.claude.cassette.entry_matcher import EntryMatcher
from e2i_eval.claude.cassette.file import (
    CassetteError,
    cassette_path,
    cassette_text,
    read_cassette,
    write_cassette,
)
from e2i_eval.claude.cassette.recorder import ExchangeRecorder
from e2i_eval.claude.cassette.scrub import Scrub

__all__ = [
    "Cassette",
    "CassetteEntry",
    "CassetteError",
    "EntryMatcher",
    "ExchangeRecorder",
    "Piece",
    "Scrub",
    "cassette_path",
    "cassette_text",
    "read_cassette",
    "usage_of",
    "write_cassette",
]
