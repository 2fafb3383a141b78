"""Frozen dataclasses as plain JSON and back: for what crosses processes and for what is kept in files.

pydantic's ``TypeAdapter`` would write a 3 in a field of floats as 3.0 and a NaN as null, and refuse what it cannot
write; the kept files must not change, and pydantic takes longer to import than a plain pytest run may last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["fields_from_json", "fields_to_json", "from_json", "to_json"]

T = TypeVar("T")

Reader: TypeAlias = Callable[[Any], Any]

CHECKED_ONLY = {"Mapping": Mapping, "JsonObject": JsonObject, "JsonValue": JsonValue}
"""Names that the modules of dataclasses import for type checkers alone."""


def to_json(value: object) -> Any:  # noqa: ANN401  JSON is any of its kinds
    """Return ``value`` as plain JSON.

    A dataclass becomes an object of its fields, a tuple a list, a set a sorted list; what is none of these stays as it
    is. A class with a method ``to_json`` has a format of its own.
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, tuple | list):
        return [to_json(each) for each in value]
    if isinstance(value, Mapping):
        return {key: to_json(each) for key, each in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(value)
    if not is_dataclass(value):
        return value
    own = getattr(value, "to_json", None)
    return own() if own else fields_to_json(value)


def fields_to_json(value: object) -> dict[str, Any]:
    """Return the fields of a dataclass by name, in their order, whatever format of its own it has."""
    return {name: to_json(getattr(value, name)) for name in _names(type(value))}  # type: ignore[arg-type]  # mypy: types are unhashable


def from_json(of: type[T], data: JsonValue) -> T:
    """Return the dataclass that ``to_json`` wrote; a field that is absent has its default.

    Types of numbers and texts are not checked. A key that is no field is an error, unless the class says with
    ``IGNORES_UNKNOWN_KEYS`` that a later version may have more.

    Raises:
        TypeError, ValueError, KeyError: ``data`` is nothing of the kind.
    """
    read = _reader(of)  # type: ignore[arg-type]  # as above
    value: T = read(data) if read else data
    return value


def fields_from_json(of: type[T], data: JsonObject) -> T:
    """Return a dataclass from its fields by name, whatever format of its own it has; raises as ``from_json`` does."""
    readers = _field_readers(of)  # type: ignore[arg-type]  # as above
    known = _mapping(data)
    if getattr(of, "IGNORES_UNKNOWN_KEYS", False):
        known = {name: value for name, value in known.items() if name in readers}
    return of(**{name: read(value) if (read := readers.get(name)) else value for name, value in known.items()})


@cache
def _names(of: type) -> tuple[str, ...]:
    return tuple(each.name for each in fields(of))


@cache
def _field_readers(of: type) -> dict[str, Reader | None]:
    hints = get_type_hints(of, localns=CHECKED_ONLY)
    return {name: _reader(hints[name]) for name in _names(of)}


@cache
def _reader(of: Any) -> Reader | None:  # noqa: ANN401  a type, an alias of one, or a union
    """Return what reads a value of a type; None for one that is the same in JSON."""
    if is_dataclass(of):
        return getattr(of, "from_json", None) or (lambda data: fields_from_json(of, data))  # type: ignore[arg-type]
    arguments = get_args(of)
    match get_origin(of):
        case origin if origin is Union or origin is UnionType:
            return _optional([_reader(each) for each in arguments if each is not NoneType])
        case origin if origin is tuple:
            return _several(arguments)
        case origin if origin is frozenset:
            return frozenset
        case origin if origin is Mapping:
            return _by_key(_reader(arguments[1]))
    return None


def _optional(readers: list[Reader | None]) -> Reader | None:
    if not any(readers):
        return None
    (read,) = readers  # of two dataclasses nothing would say which it is
    return lambda data: None if data is None or read is None else read(data)


def _several(arguments: tuple[Any, ...]) -> Reader:
    if arguments[1:] == (...,):
        read = _reader(arguments[0])
        return tuple if read is None else lambda data: tuple(map(read, data))
    readers = [_reader(each) or _same for each in arguments]
    return lambda data: tuple(read(value) for read, value in zip(readers, data, strict=True))


def _by_key(read: Reader | None) -> Reader:
    if read is None:
        return lambda data: dict(_mapping(data))
    return lambda data: {key: read(value) for key, value in _mapping(data).items()}


def _same(data: JsonValue) -> JsonValue:
    return data


def _mapping(data: JsonValue) -> JsonObject:
    if not isinstance(data, Mapping):
        message = f"an object was expected, not {type(data).__name__}"
        raise TypeError(message)
    return data
