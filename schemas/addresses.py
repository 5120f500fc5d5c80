"""Is an address on the public internet? An allow-list, so that what nobody thought of is refused.

`ipaddress.is_global` is no guard: it calls NAT64, 6to4, multicast and others global.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address

# Every special block of the IANA registry, and one address that clouds give their own services.
_NOT_PUBLIC_V4: Final = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "168.63.129.16/32",
    )
)
_PUBLIC_V6: Final = IPv6Network("2000::/3")
_NOT_PUBLIC_V6: Final = tuple(
    IPv6Network(block)
    for block in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)


def is_public(address: Address) -> bool:
    """True only for unicast addresses anyone on the internet may have.

    Addresses that carry another one inside (mapped, NAT64, 6to4, Teredo) are not public, whatever they carry.
    """
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _NOT_PUBLIC_V4)
    if address.scope_id is not None:
        return False
    return address in _PUBLIC_V6 and not any(address in block for block in _NOT_PUBLIC_V6)


def is_loopback(address: Address) -> bool:
    """True for this machine's own addresses; an address mapped into IPv6 is not taken for one."""
    if isinstance(address, IPv4Address):
        return address.is_loopback
    return address == IPv6Address("::1")


def may_receive(address: Address, *, is_loopback_allowed: bool) -> bool:
    """True if webhooks may be sent to the address."""
    return is_public(address) or (is_loopback_allowed and is_loopback(address))


def literal_address(host: str) -> Address | None:
    """The address a host is written as, brackets aside; None for names."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
