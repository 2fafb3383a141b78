"""MLflow's scorers that judge by question and answer alone, and what each must be given."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PREFIX", "SCORERS", "ScorerNeeds"]

PREFIX = "mlflow."


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerNeeds:
    """What a scorer is called with.

    Attributes:
        takes: names of the arguments it is called with.
        needs: keys of the rule, of which one must be given; empty when none is needed.
    """

    takes: tuple[str, ...]
    needs: tuple[str, ...] = ()


SCORERS = {
    "mlflow.Completeness": ScorerNeeds(takes=("inputs", "outputs")),
    "mlflow.Correctness": ScorerNeeds(
        takes=("inputs", "outputs", "expectations"), needs=("expected_facts", "expected_response")
    ),
    "mlflow.Equivalence": ScorerNeeds(takes=("outputs", "expectations"), needs=("expected_response",)),
    "mlflow.Fluency": ScorerNeeds(takes=("outputs",)),
    "mlflow.Guidelines": ScorerNeeds(takes=("inputs", "outputs"), needs=("guidelines",)),
    "mlflow.RelevanceToQuery": ScorerNeeds(takes=("inputs", "outputs")),
    "mlflow.Safety": ScorerNeeds(takes=("outputs",)),
    "mlflow.Summarization": ScorerNeeds(takes=("inputs", "outputs")),
}
"""By name. Those that read a trace (retrieval, tools) or a whole session are not among them: the harness has checks of
its own for both."""
