"""Which addresses may webhooks be sent to? Whatever is not plainly public is refused."""

from ipaddress import ip_address

import pytest

from schemas.addresses import is_loopback, is_public, literal_address, may_receive

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "223.255.255.254",
    "168.63.129.15",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80b::200e",
    "2001:4860:4860::8888",
    "2001:200::1",
]
# Many of these are `is_global` to the standard library.
REFUSED = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_receive(text: str) -> None:
    """The guard must not lock merchants out."""
    assert is_public(ip_address(text))
    assert may_receive(ip_address(text), is_loopback_allowed=False)


@pytest.mark.parametrize("text", REFUSED)
def test_everything_else_is_refused(text: str) -> None:
    """One of these is enough to read a cloud's credentials."""
    assert not is_public(ip_address(text))
    assert not may_receive(ip_address(text), is_loopback_allowed=False)


def test_this_machine_receives_in_test_mode_only() -> None:
    """A developer's own server; an address mapped into IPv6 is no way around."""
    allowed = [text for text in REFUSED if may_receive(ip_address(text), is_loopback_allowed=True)]
    assert ["127.0.0.1", "127.255.255.254", "::1"] == allowed
    assert not is_loopback(ip_address("::ffff:127.0.0.1"))


def test_a_host_may_be_written_as_an_address() -> None:
    """With or without brackets; a name is none."""
    assert ip_address("::1") == literal_address("[::1]") == literal_address("::1")
    assert ip_address("10.0.0.1") == literal_address("10.0.0.1")
    assert None is literal_address("127.1") is literal_address("shop.example.com")
