"""Faults: ways in which logging, agents and servers go wrong, and which check must say so."""

from __future__ import annotations

from e2i_eval.faults.catalogue import FAULTS, choose
from e2i_eval.faults.control_run import ControlRun
from e2i_eval.faults.fault import Fault

__all__ = ["FAULTS", "ControlRun", "Fault", "choose"]
