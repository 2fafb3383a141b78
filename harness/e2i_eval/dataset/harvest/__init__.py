"""From production to golden: stored traces become candidate cases with cassettes."""

from __future__ import annotations

from e2i_eval.dataset.harvest.candidate import Candidate, Unfit, candidate_of
from e2i_eval.dataset.harvest.folder import GoldenFolder, Written, accept
from e2i_eval.dataset.harvest.harvester import Harvest, Harvester, TraceSource

__all__ = [
    "Candidate",
    "GoldenFolder",
    "Harvest",
    "Harvester",
    "TraceSource",
    "Unfit",
    "Written",
    "accept",
    "candidate_of",
]
