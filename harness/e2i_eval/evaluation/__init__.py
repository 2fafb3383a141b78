"""One case from inputs to verdicts, in whatever process runs it."""

from e2i_eval.evaluation.evaluation import Evaluation
from e2i_eval.evaluation.evaluator import Evaluator
from e2i_eval.evaluation.session_ref import SessionRef

__all__ = ["Evaluation", "Evaluator", "SessionRef"]
