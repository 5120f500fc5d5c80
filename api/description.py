"""How is the API described: the hand-written openapi.yaml, with every error code filled in."""

from importlib.resources import files
from typing import Any

import msgspec
import yaml

from api.problems import explained_codes


def described() -> dict[str, Any]:
    """The OpenAPI document as data."""
    document: dict[str, Any] = yaml.safe_load((files("api") / "openapi.yaml").read_text())
    document["x-errors"] = explained_codes()
    return document


def described_json() -> bytes:
    """The OpenAPI document as it is served."""
    return msgspec.json.encode(described())
