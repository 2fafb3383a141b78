"""One case from inputs to verdicts, in whatever process runs it."""

from e2i_eval.runner.evaluation.evaluation import Evaluation
from e2i_eval.runner.evaluation.evaluator import Evaluator
from e2i_eval.runner.evaluation.session_ref import SessionRef
from e2i_eval.runner.evaluation.targets import refuse_wrong_code

__all__ = ["Evaluation", "Evaluator", "SessionRef", "refuse_wrong_code"]
