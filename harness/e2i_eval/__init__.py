"""e2i-eval: evaluates LangGraph agents and proves, from the MLflow server's side, that they were logged.

What ``__all__`` names is the public API, for checks and evaluations written in Python; docs/reference/api.md shows it.
It is versioned with the package: within ``0.x`` releases of one minor version, and from 1.0 on within one major
version, names stay, and their fields and parameters keep name, type and meaning. New ones may be added, fields at any
place and always with a default, which is why values are made by keyword. What is to go is announced in CHANGELOG.md
one minor version before. Whatever is not named here may change with every release.

Importing this package costs nothing: the plugin decides what is needed, and only with ``--e2i-eval``.
"""

from __future__ import annotations

TYPE_CHECKING = False
"""As in ``typing``, whose import would cost more than all else here."""

if TYPE_CHECKING:
    from e2i_eval.core.case import Case
    from e2i_eval.core.check import Check, check
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.exchange import Exchange
    from e2i_eval.core.run import Run
    from e2i_eval.core.trace import Trace
    from e2i_eval.core.verdict import Finding, Verdict

__all__ = [
    "Case",
    "Check",
    "Evidence",
    "Exchange",
    "Finding",
    "Run",
    "Trace",
    "Verdict",
    "__version__",
    "check",
]

__version__ = "0.1.0"

_MODULES = {
    "Case": "case",
    "Check": "check",
    "Evidence": "evidence",
    "Exchange": "exchange",
    "Finding": "verdict",
    "Run": "run",
    "Trace": "trace",
    "Verdict": "verdict",
    "check": "check",
}
"""Where each name is defined, below ``core``; importing all of it takes 30 ms, which no plain session should pay."""


if not TYPE_CHECKING:  # a type checker that saw it would believe every name

    def __getattr__(name: str) -> object:
        """Import a public name when it is first asked for."""
        if name not in _MODULES:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        from importlib import import_module  # noqa: PLC0415  as above

        value = globals()[name] = getattr(import_module(f"{__name__}.core.{_MODULES[name]}"), name)
        return value


def __dir__() -> list[str]:
    """Return what there is, imported or not."""
    return sorted({*globals(), *__all__})
