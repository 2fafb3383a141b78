"""Source roots: where a project's own code is imported from, and how to have another tree's code imported instead.

Runs in the process of a variant. A root is a path relative to the top of the repository, so that it means the same in
both trees.
"""

from __future__ import annotations

import importlib.machinery
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["SourceTree", "own_roots"]

HARNESS = "e2i_eval"
"""Measures the same way in both variants, so it is the installed one in both, also in its own repository."""


def own_roots(paths: Iterable[str], top: Path) -> tuple[str, ...]:
    """Return those entries of a ``sys.path`` that lie in the repository, relative to its top; no installed packages."""
    found = (Path(path).resolve() for path in paths if path)
    return tuple(dict.fromkeys(str(path.relative_to(top)) for path in found if _is_own(path, top)))


INSTALLED = frozenset({"site-packages", "dist-packages"})


class SourceTree:
    """The tree a variant's code comes from: has the project's modules imported from it and from nowhere else."""

    def __init__(self, tree: Path, head: Path) -> None:
        """Take over imports.

        Args:
            tree: top of the tree to import from; resolved.
            head: top of the working tree; resolved, and the same as ``tree`` in the variant called head.
        """
        self._tree = tree
        self._head = head
        self._roots: list[str] = []
        if tree != head:
            sys.path[:] = [entry for entry in sys.path if not entry or not _is_own(Path(entry).resolve(), head)]
        sys.meta_path.insert(0, self)  # before the hooks of editable installs

    def add(self, roots: Sequence[str]) -> None:
        """Import from these roots of the tree too."""
        new = [str(self._tree / root) for root in roots if str(self._tree / root) not in self._roots]
        self._roots += new
        sys.path[:0] = [root for root in new if root not in sys.path]

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        """Find a top-level module in the tree; part of the protocol of ``sys.meta_path``."""
        if path is not None or name == HARNESS or name in sys.stdlib_module_names:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, self._roots)
        return spec if spec is not None and spec.loader is not None else None  # a bare folder is no package yet

    def roots(self) -> tuple[str, ...]:
        """Return the roots that the modules loaded so far were imported from, whatever made them be found."""
        tops = (module for name, module in tuple(sys.modules.items()) if "." not in name and name != HARNESS)
        files = (_file(module) for module in tops)
        folders = (file.parent.parent if file.stem == "__init__" else file.parent for file in files if file)
        return tuple(dict.fromkeys(str(each.relative_to(self._tree)) for each in folders if _is_own(each, self._tree)))

    def refuse_strangers(self, entry: str, where: str) -> None:
        """See to it that the target, and all of the project that it loaded, is of this tree.

        Raises:
            UsageError: something is not, so that both variants would run the same code.
        """
        name = entry.partition(":")[0]
        file = _file(sys.modules.get(name))
        if file is None or not file.is_relative_to(self._tree):
            what = f"entry {entry!r} is imported from {file or 'no file'}, of which {self._tree} has no other revision"
            fix = "install the project editable (pip install -e .), or leave --e2i-ab out"
            raise UsageError(what, where=where, fix=fix)
        if self._tree == self._head:
            return
        for name, module in tuple(sys.modules.items()):
            file = _file(module)
            is_of_head = file and _is_own(file, self._head) and not file.is_relative_to(self._tree)
            if is_of_head and not name.startswith((HARNESS, "__")):
                what = f"the base imported {name} from the working tree ({file}): it would be compared with itself"
                raise UsageError(
                    what, where=where, fix="import it by name from a source root, not by a path of its own"
                )


def _file(module: ModuleType | None) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if isinstance(file, str) else None


def _is_own(path: Path, top: Path) -> bool:
    """Tell whether a path is the repository's and not of what is installed in it, such as a virtual environment."""
    prefix = Path(sys.prefix).resolve()
    is_installed = not INSTALLED.isdisjoint(path.parts) or (prefix.is_relative_to(top) and path.is_relative_to(prefix))
    return path.is_relative_to(top) and not is_installed
