"""MLflow's own scorers, which ask their model over the harness's wire.

MLflow sends a judge's request with a client of its own, which no wire sees. The one function that sends it is replaced
for the time of a call; what it would have sent goes to the same wire as every other request to Claude.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from typing import TYPE_CHECKING, Any

from e2i_eval.checks.judges.scorers import PREFIX, SCORERS
from e2i_eval.core.errors import UnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from e2i_eval.checks.judges.subject import JudgeSubject
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.judge_rule import JudgeRule

__all__ = ["score"]

ADAPTER = "mlflow.genai.judges.adapters.gateway_adapter"
SEND = "send_chat_request"
_LOCK = threading.Lock()
"""One scorer at a time: the functions are replaced for the whole process."""


def _unknown(*_args: object, **_keys: object) -> None:
    """Answer that nothing is known."""


LOOK_UPS = {"_get_max_context_tokens": _unknown, "_lookup_model_cost": _unknown}
"""Questions to MLflow's model catalogue, which it fetches from the network; our own prices count."""


def score(
    rule: JudgeRule, subject: JudgeSubject, *, model: str, ask: Callable[[JsonObject], JsonObject]
) -> tuple[bool, str]:
    """Return whether the scorer says yes, and why.

    Args:
        rule: names the scorer and what it judges by.
        subject: what it judges.
        model: Claude's model.
        ask: sends the body of a request and returns the message.

    Raises:
        UnknownError: this version of MLflow sends its requests by another function, or the scorer gave no yes or no.
        Exception: as ``ask`` or MLflow raised it.
    """
    sender = _Sender(ask)
    with _LOCK, _replaced(_adapter(), {SEND: sender, **LOOK_UPS}):
        try:
            feedback = _scorer(rule, model)(**_arguments(rule, subject))
        except Exception:
            if sender.raised is not None:
                raise sender.raised from None  # MLflow's own wrapping says less
            raise
    if not sender.calls:
        message = f"{rule.scorer} did not ask its model over the wire"
        raise UnknownError(message, fix="pip install 'mlflow>=3.17,<3.18'")
    return _says_yes(rule, feedback), str(feedback.rationale or "")


@contextlib.contextmanager
def _replaced(module: Any, replacements: Mapping[str, object]) -> Iterator[None]:  # noqa: ANN401  a module of MLflow's
    """Replace attributes for the block; one that the module does not have is left out."""
    originals = {name: getattr(module, name) for name in replacements if hasattr(module, name)}
    for name in originals:
        setattr(module, name, replacements[name])
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(module, name, original)


class _Sender:
    """Stands in for the function by which MLflow sends a request."""

    def __init__(self, ask: Callable[[JsonObject], JsonObject]) -> None:
        self._ask = ask
        self.calls = 0
        self.raised: Exception | None = None

    def __call__(self, *, payload: JsonObject, **_: object) -> JsonObject:
        self.calls += 1
        try:
            return self._ask(payload)
        except Exception as error:
            self.raised = error
            raise


def _adapter() -> Any:  # noqa: ANN401  a module of MLflow's
    adapter = importlib.import_module(ADAPTER)  # deferred: MLflow is heavy
    if not hasattr(adapter, SEND):
        message = f"this version of MLflow has no {ADAPTER}.{SEND}, by which its scorers would be put on the wire"
        raise UnknownError(message, fix="pip install 'mlflow>=3.17,<3.18'")
    return adapter


def _scorer(rule: JudgeRule, model: str) -> Any:  # noqa: ANN401  a scorer of MLflow's
    scorers = importlib.import_module("mlflow.genai.scorers")  # as above
    kind = getattr(scorers, rule.scorer.removeprefix(PREFIX))
    own = {"guidelines": list(rule.guidelines)} if rule.guidelines else {}
    return kind(name=rule.name, model=f"anthropic:/{model}", **own)


def _arguments(rule: JudgeRule, subject: JudgeSubject) -> dict[str, object]:
    known = {"inputs": dict(subject.inputs), "outputs": subject.text, "expectations": rule.expectations()}
    return {name: known[name] for name in SCORERS[rule.scorer].takes}


def _says_yes(rule: JudgeRule, feedback: Any) -> bool:  # noqa: ANN401  a Feedback of MLflow's
    value = getattr(feedback.value, "value", feedback.value)
    said = {"yes": True, "no": False, True: True, False: False}.get(value)
    if said is None or feedback.error is not None:
        message = f"{rule.scorer} gave {value!r} instead of yes or no"
        raise UnknownError(message)
    return said
