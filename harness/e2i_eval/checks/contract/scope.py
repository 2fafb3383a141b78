"""The scope: what templates and conditions of a contract can speak of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from e2i_eval.checks.contract.wire_call import wire_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.checks.contract.contract import Condition
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.exchange import Usage
    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["ANY", "ContractScope", "Price", "Unresolved", "found", "is_template", "scope_of"]

TEMPLATE = re.compile(r"\{([A-Za-z_][\w.*/-]*)\}")
ANY = "*"

Price: TypeAlias = "Callable[[str, Usage], float | None]"
"""From a model and its usage to US dollars; None for an unknown model."""


class Unresolved(Exception):  # noqa: N818  it is an outcome, not an error of the program
    """A template names something this case does not have; the argument is its path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractScope:
    """Everything a contract can speak of, under ``inputs``, ``output``, ``run``, ``case`` and ``wire``.

    A tuple stands for alternatives: any of its values is right.
    """

    values: JsonObject

    def resolve(self, value: JsonValue) -> JsonValue:
        """Return ``value`` with its templates filled in; a lone template keeps its type.

        Raises:
            Unresolved: a template names something that is not there.
        """
        if not isinstance(value, str):
            return value
        whole = TEMPLATE.fullmatch(value)
        if whole:
            return self.at(whole.group(1))
        return TEMPLATE.sub(lambda match: str(self.at(match.group(1))), value)

    def at(self, path: str) -> JsonValue:
        """Return the value at ``path``.

        Raises:
            Unresolved: there is none.
        """
        values = found(self.values, path)
        if not values:
            raise Unresolved(path)
        return values[0]

    def holds(self, condition: Condition) -> bool:
        """Tell whether every part of ``condition`` holds; what is not there never does."""
        return all(self._holds(path, wanted) for path, wanted in condition.items())

    def _holds(self, path: str, wanted: JsonValue) -> bool:
        values = found(self.values, path)
        if wanted == ANY:
            return any(value not in (None, "", [], {}, ()) for value in values)
        accepted = wanted if isinstance(wanted, (list, tuple)) else [wanted]
        return any(value in accepted for each in values for value in (each if isinstance(each, tuple) else (each,)))


def found(value: JsonValue, path: str) -> list[JsonValue]:
    """Return what is at a dotted ``path``; ``*`` stands for every element or key, and a number for an index."""
    if not path:
        return [value]
    if isinstance(value, dict) and path in value:
        return [value[path]]
    key, _, rest = path.partition(".")
    if key == ANY:
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
        return [each for child in inside for each in found(child, rest)]
    if isinstance(value, dict) and key in value:
        return found(value[key], rest)
    if isinstance(value, (list, tuple)) and key.isdigit() and int(key) < len(value):
        return found(value[int(key)], rest)
    return []


def is_template(value: JsonValue) -> bool:
    """Tell whether ``value`` contains a template."""
    return isinstance(value, str) and TEMPLATE.search(value) is not None


def scope_of(evidence: Evidence, price: Price | None) -> ContractScope:
    """Return the scope of one case."""
    run = evidence.run
    values: dict[str, JsonValue] = {
        "inputs": dict(evidence.case.inputs),
        "case": {"id": evidence.case.id, "target": evidence.case.target},
        "run": {"status": "raised" if run.error else "returned", "duration_ms": run.duration_s * 1e3},
        "wire": _wire(evidence, price),
    }
    if run.error is None:
        values["output"] = run.output
    return ContractScope(values=values)


def _wire(evidence: Evidence, price: Price | None) -> dict[str, JsonValue]:
    """Return what the wire knows; ``cost_usd`` is absent where a price is unknown."""
    calls = wire_calls(evidence.exchanges)
    usages = [(call.final.model, call.usage) for call in calls if call.usage is not None]
    uncached = sum(usage.input_tokens for _, usage in usages)
    total = sum(usage.total_input_tokens for _, usage in usages)
    output = sum(usage.output_tokens for _, usage in usages)
    logged: dict[str, JsonValue] = {
        "calls": len(calls),
        "requests": len(evidence.exchanges),
        "input_tokens": (total, uncached),
        "output_tokens": output,
        "total_tokens": (total + output, uncached + output),
        "longest_ms": max(((call.ended_at_s - call.started_at_s) * 1e3 for call in calls), default=0.0),
    }
    for name in ("model", "max_tokens"):
        values = tuple(dict.fromkeys(call.final.request.get(name) for call in calls))
        if values:
            logged[name] = values
    costs = [price(model, usage) if price else None for model, usage in usages]
    if price and None not in costs:
        logged["cost_usd"] = sum(cost for cost in costs if cost is not None)
    return logged
