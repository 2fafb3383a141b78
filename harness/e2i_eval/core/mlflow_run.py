"""The run of one case on the server: what the target logs while the case runs belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CaseRun"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRun:
    """One case's run.

    Attributes:
        run_id: the run.
        experiment_id: the experiment it is in.
        target_run_id: its parent.
        case_id: the case.
        nodeid: the pytest item.
        started_ms: milliseconds since the epoch.
        artifact_uri: where the server says the run's files go.
    """

    run_id: str
    experiment_id: str
    target_run_id: str
    case_id: str
    nodeid: str
    started_ms: int
    artifact_uri: str = ""

    @property
    def source_name(self) -> str:
        """What MLflow calls the source of traces that another process makes outside of every run."""
        return f"e2i-eval/{self.run_id}"

    @property
    def trace_tags(self) -> dict[str, str]:
        """The tags by which MLflow's test view knows which test made a trace."""
        return {"mlflow.test.name": self.nodeid, "mlflow.test.case_id": self.case_id}
