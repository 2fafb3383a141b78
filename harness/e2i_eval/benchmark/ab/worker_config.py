"""A worker config: what the process of a variant is given once, at its start; crosses as JSON."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WorkerConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """What a variant is made of.

    Attributes:
        tree: top of the tree whose code runs; resolved.
        head: top of the working tree; resolved.
        roots: source roots known already, relative to either.
        golden_root: the project's folder in the working tree, from which both variants have their cases.
        targets: names of all targets.
        uri: the session's tracking server.
        scratch: the folder that the session's processes share.
        hosts: what may be reached besides this machine.
        has_endpoint: processes that a case starts can ask Claude by an address of the case's own.
    """

    tree: str
    head: str
    roots: tuple[str, ...]
    golden_root: str
    targets: tuple[str, ...]
    uri: str
    scratch: str
    hosts: tuple[str, ...] = ()
    has_endpoint: bool = False
