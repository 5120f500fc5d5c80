"""How are merchants and operators created from the command line: through the API, as an operator."""

import json
import secrets
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from ops.errors import ApiRefused


def create_merchant(api_url: str, operator_key: str, *, display_name: str) -> dict[str, Any]:
    """Create a merchant; its id and secret key, shown this once."""
    return _post(f"{api_url}/v1/merchants", operator_key, {"display_name": display_name})


def create_operator(api_url: str, operator_key: str, *, display_name: str, role: str) -> dict[str, Any]:
    """Create an operator of a role; its id and secret key, shown this once."""
    return _post(f"{api_url}/v1/operators", operator_key, {"display_name": display_name, "role": role})


def _post(url: str, operator_key: str, body: dict[str, str]) -> dict[str, Any]:
    headers = {
        "Authorization": f"Bearer {operator_key}",
        "Content-Type": "application/json",
        "Idempotency-Key": secrets.token_urlsafe(16),
    }
    request = Request(url, json.dumps(body).encode(), headers, method="POST")  # noqa: S310  # the API's own URL
    try:
        with urlopen(request, timeout=30) as answer:  # noqa: S310  # as above
            found: dict[str, Any] = json.load(answer)
            return found
    except HTTPError as error:
        told = json.load(error)["error"]
        raise ApiRefused(f"{told['code']}: {told['message']}") from error
    except URLError as error:
        raise ApiRefused(f"nobody answers at {url} ({error.reason}); is the platform up?") from error
