"""Moving an alias: a collision with another deployment is tried again, any other refusal is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i.mlops.registry_client import ALIAS_TRIES, RegistryClient
from e2i.mlops.tracking_client import RequestRejectedError

if TYPE_CHECKING:
    from collections.abc import Callable

COLLISION = RequestRejectedError(400, "BAD_REQUEST", "(sqlite3.IntegrityError) UNIQUE constraint failed: aliases.name")
OTHER = RequestRejectedError(400, "INVALID_PARAMETER_VALUE", "no such version")


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[RequestRejectedError]], list[str]]:
    """Return what makes the server refuse the first requests with these errors; returns the paths asked for."""

    def refuse(errors: list[RequestRejectedError]) -> list[str]:
        asked: list[str] = []

        def post(_client: RegistryClient, path: str, _body: object) -> dict[str, object]:
            asked.append(path)
            if errors:
                raise errors.pop(0)
            return {}

        monkeypatch.setattr(RegistryClient, "post", post)
        return asked

    return refuse


def move() -> None:
    """Move an alias with a client that reaches nobody."""
    RegistryClient.set_alias(object.__new__(RegistryClient), "e2i-agent", "production", "2")


def test_a_collision_is_tried_again(refusing: Callable[[list[RequestRejectedError]], list[str]]) -> None:
    """Two who deploy at once both get through."""
    asked = refusing([COLLISION, COLLISION])

    move()

    assert len(asked) == 3


def test_what_never_ends_is_an_error(refusing: Callable[[list[RequestRejectedError]], list[str]]) -> None:
    """The server's own words reach the caller after the last try."""
    asked = refusing([COLLISION] * 99)

    with pytest.raises(RequestRejectedError, match="UNIQUE"):
        move()

    assert len(asked) == ALIAS_TRIES


def test_another_refusal_is_final(refusing: Callable[[list[RequestRejectedError]], list[str]]) -> None:
    """A version that does not exist will not exist a moment later."""
    asked = refusing([OTHER])

    with pytest.raises(RequestRejectedError, match="no such version"):
        move()

    assert len(asked) == 1
