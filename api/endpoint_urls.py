"""May webhooks be sent to this URL? What is plainly wrong is refused here; the egress guards every connection."""

import re
from typing import Final

from yarl import URL

from api.problems import Problem
from schemas.addresses import is_loopback, literal_address, may_receive
from schemas.envelope import Mode
from schemas.outcomes import Outcome

MAX_URL: Final = 1024
PARAM: Final = "url"

_PORTS: Final = frozenset({443, 8443})
_LEAST_FREE_PORT: Final = 1024
_PRINTABLE: Final = re.compile(r"[\x21-\x5b\x5d-\x7e]*\Z")
_LABEL: Final = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
# The last label of a number, such as 127.1 or 0x7f000001, would be read as an address by some resolvers.
_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{1,59}})\Z")
_LOCALHOST: Final = "localhost"
_NOT_PUBLIC: Final = frozenset(
    [
        "localhost",
        "local",
        "localdomain",
        "internal",
        "intranet",
        "private",
        "lan",
        "home",
        "corp",
        "host",
        "onion",
        "invalid",
        "test",
        "arpa",
    ]
)


def checked_url(text: str, mode: Mode) -> str:
    """The URL in the form in which it is stored and called. Raises Problem naming what is wrong and the fix."""
    if len(text) > MAX_URL:
        raise _refused(f"at most {MAX_URL} characters")
    if not _PRINTABLE.match(text):
        raise _refused(
            "printable ASCII without spaces and backslashes; write other characters percent-encoded"
        )
    try:
        url = URL(text)
        port = url.port
    except ValueError as error:
        raise _refused("this is no URL; write one such as https://shop.example.com/webhooks") from error
    if not url.absolute or not url.raw_host:
        raise _refused("an absolute URL with a host, such as https://shop.example.com/webhooks")
    if url.raw_user is not None or url.raw_password is not None:
        raise _refused("no user or password in the URL; the signature proves who sends")
    if url.raw_fragment:
        raise _refused("no fragment (#...); it is never sent")
    _check_scheme(url, mode)
    if port not in _PORTS and (port or 0) < _LEAST_FREE_PORT:
        raise _refused("port 443, 8443 or one from 1024 up")
    _check_host(url.raw_host, mode)
    return str(url)


def _check_scheme(url: URL, mode: Mode) -> None:
    if url.scheme == "https":
        return
    if url.scheme != "http" or mode != "test" or not _is_this_machine(url.raw_host or ""):
        raise _refused("https only; in test mode also http to this machine (localhost, 127.0.0.1 or [::1])")


def _check_host(host: str, mode: Mode) -> None:
    if mode == "test" and _is_this_machine(host):
        return
    address = literal_address(host)
    if address is not None:
        if not may_receive(address, is_loopback_allowed=mode == "test"):
            raise _refused("a public address; this one is private, local or reserved")
    elif not _NAME.match(host) or host.rpartition(".")[2] in _NOT_PUBLIC:
        raise _refused("the host is a name known on the public internet, such as shop.example.com")


def _is_this_machine(host: str) -> bool:
    address = literal_address(host)
    return host == _LOCALHOST if address is None else is_loopback(address)


def _refused(detail: str) -> Problem:
    return Problem(Outcome.PARAMETER_INVALID, detail, param=PARAM)
