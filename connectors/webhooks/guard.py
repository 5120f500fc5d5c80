"""Which addresses may be connected to? Asked at the socket, when the name has become an address.

A check of the URL alone is bypassed by a name that resolves to something else a moment later; one of
the resolver alone by addresses written as such, which are never resolved.
"""

import socket
from collections.abc import Callable
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Any, Final

from schemas.addresses import may_receive

refusals: Final[ContextVar[list[str]]] = ContextVar("refusals")
"""Addresses that were refused for the request of this context; set before each request."""


class AddressRefused(OSError):
    """The address is not on the public internet."""


def guarded_sockets(*, is_loopback_allowed: bool) -> Callable[[tuple[Any, ...]], socket.socket]:
    """A socket factory that makes none for addresses that are private, local or reserved."""

    def opened(addr_info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, address = addr_info
        host = str(address[0])
        if family not in (socket.AF_INET, socket.AF_INET6) or not may_receive(
            ip_address(host), is_loopback_allowed=is_loopback_allowed
        ):
            refusals.get().append(host)
            raise AddressRefused(f"{host} is no address webhooks are sent to")
        return socket.socket(family, kind, protocol)

    return opened
