"""Trajectories: nodes and tool calls in one sequence, as the traces show, against what was expected."""

from __future__ import annotations

from e2i_eval.checks.trajectory.check import trajectory_check

__all__ = ["trajectory_check"]
