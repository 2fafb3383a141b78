"""The fields the API knows, read from the SDK's own parameter types.

Importing this module loads the SDK (seconds of CPU).
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, Required, Union

import typing_extensions
from anthropic.types import message_count_tokens_params, message_create_params
from anthropic.types.beta import message_count_tokens_params as beta_count_tokens_params
from anthropic.types.beta import message_create_params as beta_create_params

if TYPE_CHECKING:
    from e2i_eval.core.exchange import ExchangeKind
    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["rejected_fields", "without_sampling"]

SAMPLING_FIELDS = frozenset({"temperature", "top_p", "top_k"})
FIRST_VERSION_WITHOUT_SAMPLING = "2026-10-21"
"""From this ``anthropic-version`` on the API answers 400 to sampling fields, whatever the model and the value."""

HEADER_FIELDS = frozenset({"betas", "workspace_id"})
"""Parameters of the SDK's types that travel as headers and are refused in a body."""

TAGS = ("type", "role")
"""Keys whose value distinguishes the members of a union."""

_WRAPPERS = {Required, NotRequired, typing_extensions.Required, typing_extensions.NotRequired, Annotated}


def rejected_fields(body: JsonObject, *, kind: ExchangeKind, is_beta: bool, version: str) -> list[str]:
    """Return the path of each field the API refuses, e.g. ``messages.0.content.1.colour``.

    A content block or tool of a kind the SDK does not know is not judged: it may be newer than the SDK.

    Args:
        body: the request.
        kind: the endpoint.
        is_beta: the request opts into beta features, which know more fields.
        version: the ``anthropic-version`` header.
    """
    paths = []
    for name, value in body.items():
        if name in SAMPLING_FIELDS:
            if version >= FIRST_VERSION_WITHOUT_SAMPLING or kind == "count_tokens":
                paths.append(name)
        elif name not in _roots(kind, is_beta):
            paths.append(name)
        else:
            paths.extend(_rejected(value, _roots(kind, is_beta)[name], name))
    return paths


def without_sampling(body: JsonObject, *, version: str) -> dict[str, Any]:
    """Return ``body`` as an API of this version takes it: without sampling fields where it refuses them."""
    refused = SAMPLING_FIELDS if version >= FIRST_VERSION_WITHOUT_SAMPLING else frozenset()
    return {name: value for name, value in body.items() if name not in refused}


@cache
def _roots(kind: ExchangeKind, is_beta: bool) -> Mapping[str, Any]:  # noqa: FBT001 - cache wants positional arguments
    if kind == "count_tokens":
        module: Any = beta_count_tokens_params if is_beta else message_count_tokens_params
        hints = _fields(module.MessageCountTokensParams)
    else:
        module = beta_create_params if is_beta else message_create_params
        hints = {**_fields(module.MessageCreateParamsBase), "stream": bool}
    return {name: hint for name, hint in hints.items() if name not in HEADER_FIELDS}


@cache
def _fields(typed_dict: type) -> Mapping[str, Any]:
    return typing_extensions.get_type_hints(typed_dict, include_extras=True)


def _rejected(value: JsonValue, hint: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - a type annotation
    hint = _unwrapped(hint)
    if isinstance(value, Mapping):
        members = _members(hint)
        if members is not None:
            yield from _rejected_keys(value, _chosen(members, value), path)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        item_hint = _item_hint(hint)
        for index, item in enumerate(value if item_hint is not None else ()):
            yield from _rejected(item, item_hint, f"{path}.{index}")


def _rejected_keys(value: JsonObject, chosen: tuple[type, ...], path: str) -> Iterator[str]:
    for name, item in value.items() if chosen else ():
        hints = [_fields(member)[name] for member in chosen if name in _fields(member)]
        if not hints:
            yield f"{path}.{name}"
        elif len(hints) == 1:
            yield from _rejected(item, hints[0], f"{path}.{name}")


def _unwrapped(hint: Any) -> Any:  # noqa: ANN401 - a type annotation
    while typing.get_origin(hint) in _WRAPPERS:
        hint = typing.get_args(hint)[0]
    return hint


def _options(hint: Any) -> Iterator[Any]:  # noqa: ANN401 - a type annotation
    """Yield the members of a union, nested ones too; a plain hint is its only member."""
    hint = _unwrapped(hint)
    if typing.get_origin(hint) in {Union, types.UnionType}:
        for member in typing.get_args(hint):
            yield from _options(member)
    else:
        yield hint


def _members(hint: Any) -> tuple[type, ...] | None:  # noqa: ANN401 - a type annotation
    """Return the typed dicts an object may be; None when it may be any object."""
    members = []
    for option in _options(hint):
        if typing_extensions.is_typeddict(option):
            if getattr(option, "__pydantic_config__", {}).get("extra") == "allow":
                return None
            members.append(option)
        elif option in {object, Any} or typing.get_origin(option) in {dict, Mapping}:
            return None
    return tuple(members)


def _item_hint(hint: Any) -> Any:  # noqa: ANN401 - a type annotation
    for option in _options(hint):
        if typing.get_origin(option) not in {None, dict, Literal} and typing.get_args(option):
            return typing.get_args(option)[0]
    return None


def _chosen(members: tuple[type, ...], value: JsonObject) -> tuple[type, ...]:
    """Return the members ``value`` can be by its tag; none when its tag is unknown."""
    if len(members) == 1:
        return members
    tag = next((name for name in TAGS if name in value), None)
    if tag is None:
        return tuple(member for member in members if not any(_is_required(member, name) for name in TAGS))
    return tuple(member for member in members if value[tag] in _literals(member, tag))


@cache
def _literals(member: type, tag: str) -> frozenset[Any]:
    hint = _fields(member).get(tag)
    options = _options(hint) if hint is not None else iter(())
    return frozenset(
        value for option in options if typing.get_origin(option) is Literal for value in typing.get_args(option)
    )


@cache
def _is_required(member: type, name: str) -> bool:
    return typing.get_origin(_fields(member).get(name)) in {Required, typing_extensions.Required}
