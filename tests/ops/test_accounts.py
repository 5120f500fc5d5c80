"""What is shown once is never lost: a merchant whose endpoint is refused is named with its key."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from ops import accounts
from ops.errors import ApiRefused

MADE = {"merchant_id": "mer_1", "secret_key": "sk_test_1"}
REFUSED = {"error": {"code": "parameter_invalid", "message": "no.", "detail": "not https", "param": "url"}}


class _Api(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        is_merchant = self.path == "/v1/merchants"
        body = json.dumps(MADE if is_merchant else REFUSED).encode()
        self.send_response(201 if is_merchant else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def api_url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Api)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_merchant_without_its_endpoint_is_told(api_url: str) -> None:
    """It is there, and nobody will be shown its key again."""
    with pytest.raises(ApiRefused) as refused:
        accounts.create_merchant(api_url, "sk", display_name="x", webhook_url="nope")
    assert "parameter_invalid: url: not https" in str(refused.value)
    assert "mer_1, sk_test_1" in str(refused.value)


def test_a_merchant_without_an_endpoint_is_shown(api_url: str) -> None:
    """As it was made."""
    assert MADE == accounts.create_merchant(api_url, "sk", display_name="x")
