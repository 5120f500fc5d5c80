"""How are merchants and operators created from the command line: through the API, as an operator."""

import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from ops.errors import ApiRefused


def create_merchant(
    api_url: str,
    operator_key: str,
    *,
    display_name: str,
    terms: Mapping[str, Any] | None = None,
    webhook_url: str | None = None,
) -> dict[str, Any]:
    """Create a merchant; its id and secret key, shown this once.

    terms: those that differ from the standard ones. webhook_url: where all its events go; then also
    its endpoint_id and webhook_secret, shown this once too. Raises ApiRefused; where only the endpoint was
    refused its message holds what is shown this once.
    """
    body: dict[str, Any] = {"display_name": display_name}
    if terms:
        body["terms"] = dict(terms)
    made = _post(f"{api_url}/v1/merchants", operator_key, body)
    if webhook_url is None:
        return made
    try:
        endpoint = _post(f"{api_url}/v1/webhook_endpoints", made["secret_key"], {"url": webhook_url})
    except ApiRefused as error:
        raise ApiRefused(
            f"{error}\nThe merchant is there, without an endpoint: {made['merchant_id']}, {made['secret_key']}"
        ) from error
    return {
        **made,
        "endpoint_id": endpoint["endpoint_id"],
        "webhook_url": endpoint["url"],
        "webhook_secret": endpoint["secret"],
    }


def create_operator(api_url: str, operator_key: str, *, display_name: str, role: str) -> dict[str, Any]:
    """Create an operator of a role; its id and secret key, shown this once."""
    return _post(f"{api_url}/v1/operators", operator_key, {"display_name": display_name, "role": role})


def _post(url: str, secret_key: str, body: Mapping[str, object]) -> dict[str, Any]:
    headers = {
        "Authorization": f"Bearer {secret_key}",
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
        said = told.get("detail") or told["message"]
        about = f" {told['param']}:" if told.get("param") else ""
        raise ApiRefused(f"{told['code']}:{about} {said}") from error
    except URLError as error:
        raise ApiRefused(f"nobody answers at {url} ({error.reason}); is the platform up?") from error
