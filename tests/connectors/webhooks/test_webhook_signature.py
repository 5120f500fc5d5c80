"""Do receivers with a Standard Webhooks library believe us?"""

import base64

from connectors.webhooks.signature import signed_headers


def test_the_published_vector() -> None:
    """The one example every library of the standard is tested with."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(
        secret,
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at_s=1_614_265_330,
        payload=b'{"test": 2432232314}',
    )
    assert {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    } == headers
