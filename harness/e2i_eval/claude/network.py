"""The network guard: in a mocked run nothing leaves the machine."""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import TYPE_CHECKING, Any

from e2i_eval.core.errors import E2iError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["NetworkBlockedError", "NetworkGuard"]

LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})
WATCHED = LOOKUPS | {"socket.connect", "socket.sendto", "socket.sendmsg"}
LOCAL_NAMES = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost"})

# Python offers no way to remove an audit hook, so there is one hook a process, and guards come and go in this list.
_active: list[NetworkGuard] = []
_hooks: list[Callable[[str, tuple[Any, ...]], None]] = []


class NetworkBlockedError(E2iError, OSError):
    """A mocked run tried to reach another host. An ``OSError``, so that libraries treat it as a missing network."""


class NetworkGuard:
    """Refuses connections, datagrams and name look-ups that concern another host.

    Args:
        report: called with an explanation of each refused attempt, on the thread that made it.
        allowed_hosts: names or addresses that may be reached, e.g. of a team's tracking server.
    """

    def __init__(self, report: Callable[[str], None], allowed_hosts: Collection[str] = ()) -> None:
        self._report = report
        self._hosts = tuple(host.lower() for host in allowed_hosts)
        self._allowed = {*LOCAL_NAMES, *self._hosts}

    def start(self) -> None:
        """Begin to refuse."""
        # A connection names the address alone, so the addresses of allowed names are looked up beforehand.
        self._allowed |= {address for host in self._hosts for address in _addresses(host)}
        if not _hooks:
            _hooks.append(_audit)
            sys.addaudithook(_audit)
        _active.append(self)

    def stop(self) -> None:
        """Refuse nothing any more."""
        if self in _active:
            _active.remove(self)

    def check(self, event: str, args: tuple[Any, ...]) -> None:
        """Judge one audit event.

        Raises:
            NetworkBlockedError: it concerns another host.
        """
        host = _host(event, args)
        if host is None or host.lower() in self._allowed or _is_loopback(host):
            return
        message = f"a mocked run tried to reach {host} ({event})"
        self._report(message)
        raise NetworkBlockedError(message, fix="mock that service, or run with --e2i-claude=live")


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event in WATCHED and _active:
        for guard in tuple(_active):
            guard.check(event, args)


def _host(event: str, args: tuple[Any, ...]) -> str | None:
    """Return the host an event concerns; None for unix sockets and everything else that stays on the machine."""
    if event in LOOKUPS:
        host = args[0]
        return host.decode("ascii", "replace") if isinstance(host, bytes) else host
    address = args[1]
    is_internet = args[0].family in {socket.AF_INET, socket.AF_INET6}
    return str(address[0]) if is_internet and isinstance(address, tuple) else None


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _addresses(host: str) -> set[str]:
    try:
        return {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return set()
