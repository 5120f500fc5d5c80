"""How does a secret travel through topics and tables: sealed, for those who hold the key.

A sealed secret is a format byte, a 12-byte nonce and AES-256-GCM over the secret, bound to the name
of what it belongs to. The nonce is a keyed hash of name and secret: sealing the same secret again
gives the same bytes, and no nonce ever seals two different secrets.
"""

import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORMAT: Final = b"\x01"
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32


class SealingError(ValueError):
    """A sealed secret that cannot be opened: another key, another name, or changed bytes."""


class Sealer:
    """Seals and opens secrets under one key of 32 bytes, given in hex."""

    def __init__(self, key_hex: str) -> None:
        key = bytes.fromhex(key_hex)
        assert len(key) == _KEY_BYTES, "the settings check the key's length"
        self._cipher = AESGCM(_derived(key, b"seal"))
        self._nonce_key = _derived(key, b"nonce")

    def seal(self, secret: bytes, *, name: str) -> bytes:
        """The secret, openable only with the key and under the same name."""
        bound = name.encode()
        nonce = hmac.digest(self._nonce_key, len(bound).to_bytes(4, "big") + bound + secret, "sha256")
        nonce = nonce[:_NONCE_BYTES]
        return _FORMAT + nonce + self._cipher.encrypt(nonce, secret, bound)

    def open(self, sealed: bytes, *, name: str) -> bytes:
        """The secret in what `seal` made. Raises SealingError."""
        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _FORMAT or len(nonce) != _NONCE_BYTES:
            raise SealingError(f"what {name} has sealed is in no format known here")
        try:
            return self._cipher.decrypt(nonce, ciphertext, name.encode())
        except InvalidTag as error:
            raise SealingError(f"what {name} has sealed does not open with this key") from error


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"millrace " + purpose, hashlib.sha256)
