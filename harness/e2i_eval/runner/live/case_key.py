"""The key of a case: equal as long as all that decides its result, apart from the project's code, is the same."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from e2i_eval.core.check import name_of

if TYPE_CHECKING:
    from e2i_eval.core.case import Case
    from e2i_eval.runner.config.settings import TargetSettings

__all__ = ["case_key"]


def case_key(case: Case, target: TargetSettings | None) -> str:
    """Return the key of ``case``, from its file and its target's configuration.

    A case that was made in code is known by all its parts.
    """
    is_file = case.path is not None and case.path.is_file()
    content = case.path.read_bytes() if case.path is not None and is_file else repr(replace(case, checks=())).encode()
    checks = [each if isinstance(each, str) else name_of(each) for each in case.checks]  # repr has the address
    parts = (content, repr(case.inputs).encode(), repr(target).encode(), repr(checks).encode())
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()
