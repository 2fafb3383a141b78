"""Doing something as soon as a module has been imported, whoever imports it."""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["OnImport"]


class OnImport(importlib.abc.MetaPathFinder):
    """Calls ``act`` right after the import of ``module``, once, unless withdrawn before."""

    def __init__(self, module: str, act: Callable[[], None]) -> None:
        self._module = module
        self._act = act
        sys.meta_path.insert(0, self)

    def withdraw(self) -> None:
        """Do nothing any more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the module the usual way, and have its loader call ``act`` afterwards."""
        del path, target
        if fullname != self._module:
            return None
        self.withdraw()
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._act)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, real: importlib.abc.Loader, act: Callable[[], None]) -> None:
        self._real = real
        self._act = act

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._real
        module.__loader__ = self._real
        self._real.exec_module(module)
        self._act()
