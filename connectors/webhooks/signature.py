"""How does a receiver know that we sent these bytes: the headers of Standard Webhooks, version 1."""

import base64
import hmac


def signed_headers(secret: bytes, *, message_id: str, at_s: int, payload: bytes) -> dict[str, str]:
    """The three headers over the very bytes that are sent. at_s: Unix seconds of this attempt."""
    signed = b".".join([message_id.encode(), str(at_s).encode(), payload])
    signature = base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"v1,{signature}",
    }
