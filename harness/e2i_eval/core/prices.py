"""Prices: what a call to Claude costs, from a dated table that a project can replace."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from e2i_eval.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from e2i_eval.core.exchange import Usage

__all__ = ["ModelPrice", "PriceTable", "cost_usd"]

TOKENS_PER_PRICE = 1_000_000
WRITE_5M_FACTOR = 1.25
WRITE_1H_FACTOR = 2.0
BATCH_FACTOR = 0.5

DATE_SUFFIX = re.compile(r"(-\d{8}|@\d{8}|-latest)?")
"""What may follow an entry's name in a model id."""

PRICE_KEYS = frozenset({"input", "output", "cache_read"})
LONG_KEYS = PRICE_KEYS | {"above_input_tokens"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPrice:
    """The price of a model in USD per million tokens.

    Attributes:
        input: uncached input; cache writes cost a multiple of it.
        output: output.
        cache_read: input read from the cache.
        above_input_tokens: for a long-prompt price, the total input from above which it holds for the whole call.
        long: the price of long prompts; None where there is no other.
    """

    input: float
    output: float
    cache_read: float
    above_input_tokens: int = 0
    long: ModelPrice | None = None

    def for_input(self, total_input_tokens: int) -> ModelPrice:
        """Return the price that holds for a call with so much input."""
        if self.long is not None and total_input_tokens > self.long.above_input_tokens:
            return self.long
        return self

    def times(self, factor: float) -> ModelPrice:
        """Return the price multiplied, the one of long prompts too."""
        return replace(
            self,
            input=self.input * factor,
            output=self.output * factor,
            cache_read=self.cache_read * factor,
            long=None if self.long is None else self.long.times(factor),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """The prices of all known models.

    Attributes:
        date: the day the prices were read.
        models: price by model id without its date.
        write_5m_factor: price of a five-minute cache write, as a multiple of input.
        write_1h_factor: price of a one-hour cache write, as a multiple of input.
        batch_factor: price in a batch, as a multiple of any other.
    """

    date: dt.date
    models: Mapping[str, ModelPrice]
    write_5m_factor: float = WRITE_5M_FACTOR
    write_1h_factor: float = WRITE_1H_FACTOR
    batch_factor: float = BATCH_FACTOR

    @classmethod
    def load(cls, path: Path | None = None) -> PriceTable:
        """Read the table of this package, or the one at ``path``, which replaces it.

        Raises:
            UsageError: the file cannot be read or is no price table.
        """
        if path is None:
            return _packaged_table()
        try:
            return _parsed(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
            what = (
                f"not a price table: missing {error}" if isinstance(error, KeyError) else f"not a price table: {error}"
            )
            raise UsageError(what, where=str(path), fix="follow the form of e2i_eval/core/prices.toml") from error

    def batched(self) -> PriceTable:
        """Return the prices in a batch, of whatever is counted."""
        return replace(self, models={name: each.times(self.batch_factor) for name, each in self.models.items()})

    def price(self, model: str) -> ModelPrice | None:
        """Return the price of ``model``; None when it is unknown."""
        names = sorted((name for name in self.models if model.startswith(name)), key=len)
        # Only a date may follow: an unknown claude-opus-5-9 does not cost what claude-opus-5 costs.
        if not names or not DATE_SUFFIX.fullmatch(model.removeprefix(names[-1])):
            return None
        return self.models[names[-1]]

    def cost_usd(self, model: str, usage: Usage) -> float | None:
        """Return the cost of a call; None when the model is unknown."""
        listed = self.price(model)
        if listed is None:
            return None
        price = listed.for_input(usage.total_input_tokens)
        writes = self.write_5m_factor * usage.cache_write_5m_tokens + self.write_1h_factor * usage.cache_write_1h_tokens
        total = (
            price.input * (usage.input_tokens + writes)
            + price.output * usage.output_tokens
            + price.cache_read * usage.cache_read_tokens
        )
        return total / TOKENS_PER_PRICE


def cost_usd(model: str, usage: Usage) -> float | None:
    """Return the cost of a call by this package's table; None when the model is unknown."""
    return PriceTable.load().cost_usd(model, usage)


@cache
def _packaged_table() -> PriceTable:
    return _parsed(resources.files("e2i_eval.core").joinpath("prices.toml").read_text("utf-8"))


def _parsed(text: str) -> PriceTable:
    document = tomllib.loads(text)
    factors = document.get("cache_write", {})
    date = document["date"]
    if not isinstance(date, dt.date):
        msg = f"date is {date!r}, not a day"
        raise TypeError(msg)
    return PriceTable(
        date=date,
        models={name: _price(name, entry) for name, entry in document["models"].items()},
        write_5m_factor=_number("five_minutes", factors.get("five_minutes", WRITE_5M_FACTOR)),
        write_1h_factor=_number("one_hour", factors.get("one_hour", WRITE_1H_FACTOR)),
        batch_factor=_number("batch.factor", document.get("batch", {}).get("factor", BATCH_FACTOR)),
    )


def _price(name: str, entry: Mapping[str, Any]) -> ModelPrice:
    long = entry.get("long")
    _require_known(name, entry, PRICE_KEYS | {"long"})
    return ModelPrice(
        input=_number(f"{name}.input", entry["input"]),
        output=_number(f"{name}.output", entry["output"]),
        cache_read=_number(f"{name}.cache_read", entry["cache_read"]),
        long=None if long is None else _long_price(f"{name}.long", long),
    )


def _long_price(name: str, entry: Mapping[str, Any]) -> ModelPrice:
    _require_known(name, entry, LONG_KEYS)
    plain = _price(name, {key: entry[key] for key in PRICE_KEYS})
    return replace(plain, above_input_tokens=int(_number(f"{name}.above_input_tokens", entry["above_input_tokens"])))


def _require_known(name: str, entry: Mapping[str, Any], keys: frozenset[str]) -> None:
    if unknown := sorted(entry.keys() - keys):
        msg = f"{name} has unknown keys: {', '.join(unknown)}"
        raise ValueError(msg)


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        msg = f"{name} is {value!r}, not a price"
        raise ValueError(msg)
    return float(value)
