"""e2i-eval: evaluates LangGraph agents and proves, from the MLflow server's side, that they were logged.

Importing this package costs nothing: the plugin decides what is needed, and only with ``--e2i-eval``.
"""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
