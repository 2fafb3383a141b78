"""The goldens of a session as MLflow's evaluation dataset, beside the session's runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.core.errors import E2iError
from e2i_eval.core.scratch import Scratch
from e2i_eval.runner.config.options import ci_variable, environment
from e2i_eval.runner.config.settings import CANDIDATES
from e2i_eval.runner.dataset_sync import dataset_name, mirror

if TYPE_CHECKING:
    from e2i_eval.runner.config.settings import Settings
    from e2i_eval.runner.evaluation import SessionRef

__all__ = ["mirrored_goldens"]

EXPERIMENT = "e2i-eval"


def mirrored_goldens(settings: Settings, ref: SessionRef) -> tuple[str, ...]:
    """Mirror the goldens into the dataset of the project's own store; return what a reader should know.

    A store that is thrown away gets none, and in CI every store is. Nor does a team's server: sessions of several
    branches would take turns in writing each other's goldens over. ``e2i-eval dataset sync`` is for that, on the branch
    that counts.
    A dataset that cannot be had is reported and fails nothing: no verdict depends on it.
    """
    run_id = Scratch(Path(ref.scratch)).values().get("session", "")
    is_own = settings.store is not None and settings.tracking_uri is None and settings.golden.name != CANDIDATES
    if not run_id or not is_own or ci_variable(environment()):
        return ()
    from e2i_eval.tracking import golden_dataset  # noqa: PLC0415  not needed in most sessions

    name, cache = dataset_name(settings), settings.cache
    try:
        with golden_dataset(ref.uri, name=name, experiment=EXPERIMENT, cache=cache, environ=environment()) as dataset:
            made = mirror(dataset, settings)
            dataset.link(run_id, made.dataset_id, made.digest)
    except E2iError as error:
        return (f"the goldens were not mirrored into MLflow's evaluation dataset: {error.what}",)
    return ()
