"""Where spans state the model and its settings, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.contract.model_call import Stated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["SETTINGS", "settings"]

SETTINGS: Mapping[str, tuple[str, ...]] = {
    "model": ("model", "model_name", "mlflow.llm.model", "gen_ai.request.model", "ls_model_name"),
    "max_tokens": (
        "max_tokens",
        "max_completion_tokens",
        "max_tokens_to_sample",
        "gen_ai.request.max_tokens",
        "ls_max_tokens",
    ),
    "temperature": ("temperature", "gen_ai.request.temperature", "ls_temperature"),
    "top_p": ("top_p", "gen_ai.request.top_p"),
    "top_k": ("top_k", "gen_ai.request.top_k"),
    "stop_sequences": ("stop_sequences", "stop", "gen_ai.request.stop_sequences"),
    "tool_choice": ("tool_choice",),
    "thinking": ("thinking",),
}
"""Each setting of the API and the names under which libraries state it."""

HOLDERS = ("invocation_params", "model_kwargs", "kwargs", "params", "parameters", "options", "metadata")
"""Keys of inputs and attributes that hold settings."""


def settings(inputs: JsonValue, attributes: JsonObject, outputs: JsonValue) -> dict[str, tuple[Stated, ...]]:
    """Return every statement of every setting; a null states nothing."""
    found: dict[str, list[Stated]] = {}
    for place, holder in _holders(inputs, attributes):
        for name, aliases in SETTINGS.items():
            stated = [Stated(value=holder[key], place=f"{place}.{key}") for key in aliases if _told(holder, key)]
            found.setdefault(name, []).extend(stated)
    if isinstance(outputs, dict) and isinstance(outputs.get("model"), str):
        found["model"].append(Stated(value=outputs["model"], place="outputs.model"))
    return {name: tuple(stated) for name, stated in found.items() if stated}


def _told(holder: JsonObject, key: str) -> bool:
    return holder.get(key) not in (None, "", [])


def _holders(inputs: JsonValue, attributes: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    for place, value in (("inputs", inputs), ("attributes", attributes)):
        # An empty holder still makes every setting known, so that the caller may append.
        yield place, value if isinstance(value, dict) else {}
        if isinstance(value, dict):
            for key in HOLDERS:
                if isinstance(value.get(key), dict):
                    yield f"{place}.{key}", value[key]
