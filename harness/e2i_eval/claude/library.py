"""The HTTP library beneath the SDK: ``httpx2`` from anthropic 1.0 on, ``httpx`` before.

Importing this module loads the SDK (seconds of CPU).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import anthropic

if TYPE_CHECKING:
    import httpx2 as http
else:
    # The base class of the SDK's own client shows which library it uses, whatever else is installed.
    _NAMES = [base.__module__.partition(".")[0] for base in anthropic.DefaultHttpxClient.__mro__]
    http = importlib.import_module(next(name for name in _NAMES if name in {"httpx", "httpx2"}))

__all__ = ["ScriptMissError", "http", "translated"]


class ScriptMissError(anthropic.AnthropicError, LookupError):
    """No scripted answer fits a request.

    Of the SDK's own family, because the SDK retries and wraps everything else a transport raises.
    """


def translated(error: Exception) -> Exception:
    """Return the SDK's library's counterpart of an ``httpx`` error; ``error`` itself when it has none.

    respx and the scripted faults speak ``httpx``; the SDK recognises only its own library's classes.
    """
    for base in type(error).__mro__:
        if base.__module__.partition(".")[0] != "httpx":
            break
        counterpart = getattr(http, base.__name__, None)
        if isinstance(counterpart, type) and not isinstance(error, counterpart):
            mapped: Exception = counterpart(str(error))
            return mapped
    return error
