"""How is the provider's book read: over HTTP, from the provider itself."""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
import requests

from ops.verify.effects import Effect
from ops.verify.errors import BookUnreadable

EFFECTS_PATH: Final = "/_simulator/effects"
_CONNECT_S: Final = 5
_READ_S: Final = 120
_decode: Final = msgspec.json.Decoder(list[Effect]).decode

T = TypeVar("T")


def read_book(simulator_url: str) -> list[Effect]:
    """Everything the provider really did. Raises BookUnreadable."""
    return told(simulator_url + EFFECTS_PATH, _decode)


def told(url: str, decode: Callable[[bytes], T]) -> T:
    """What the provider says of itself at an address. Raises BookUnreadable."""
    try:
        answer = requests.get(url, timeout=(_CONNECT_S, _READ_S))
        answer.raise_for_status()
        return decode(answer.content)
    except (requests.RequestException, msgspec.DecodeError) as error:
        raise BookUnreadable(f"{url}: {error}; is the provider running?") from error
