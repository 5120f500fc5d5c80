"""How is the provider's book read: over HTTP, from the provider itself."""

from typing import Final

import msgspec
import requests

from ops.verify.effects import Effect
from ops.verify.errors import BookUnreadable

EFFECTS_PATH: Final = "/_simulator/effects"
_CONNECT_S: Final = 5
_READ_S: Final = 120
_decode: Final = msgspec.json.Decoder(list[Effect]).decode


def read_book(simulator_url: str) -> list[Effect]:
    """Everything the provider really did. Raises BookUnreadable."""
    url = simulator_url + EFFECTS_PATH
    try:
        answer = requests.get(url, timeout=(_CONNECT_S, _READ_S))
        answer.raise_for_status()
        return _decode(answer.content)
    except (requests.RequestException, msgspec.DecodeError) as error:
        raise BookUnreadable(f"{url}: {error}; is the provider running?") from error
