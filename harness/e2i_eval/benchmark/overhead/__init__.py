"""Overhead: what logging costs a target's caller, and whether it changes what the caller gets.

One file a question: ``callers`` (how many at once), ``variant`` (calls of one variant), ``pairing`` (which variant
when, and until when), ``outcome`` and ``transparency`` (is the answer the same), ``attribution`` (is every call on the
server, and its own), ``choice`` (with which case), ``meter`` (all of it; imported by its own name, because it brings
DeepDiff). What a caller waits is measured by ``benchmark.timing``.
"""

from __future__ import annotations

from e2i_eval.benchmark.overhead.callers import Callers
from e2i_eval.benchmark.overhead.choice import chosen_cases
from e2i_eval.benchmark.overhead.neighbours import Neighbours
from e2i_eval.benchmark.overhead.replay_timer import ReplayTimer

__all__ = [
    "Callers",
    "Neighbours",
    "ReplayTimer",
    "chosen_cases",
]
