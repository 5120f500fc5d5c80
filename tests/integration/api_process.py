"""The API, the sink and what answers them, each started for a test and asked over HTTP."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from schemas.settings import Settings, variable

DEADLINE_S = 30.0
OPERATOR_KEY = "op_test_" + "o" * 43
CALLBACK_SECRET = "callback-secret"

T = TypeVar("T")


class Answered(NamedTuple):
    """One answer: status, headers by lower-case name, and the parsed JSON body."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The code of the error object."""
        code: str = self.body["error"]["code"]
        return code


def settings_for(bootstrap_servers: str, dsn: str, api_port: int, **changed: Any) -> Settings:
    """Settings of a process under test."""
    chosen: dict[str, Any] = {
        "kafka_bootstrap_servers": bootstrap_servers,
        "postgres_dsn": dsn,
        "api_port": api_port,
        "operator_key_sha256": hashlib.sha256(OPERATOR_KEY.encode()).hexdigest(),
        "psp_callback_secret": CALLBACK_SECRET,
        "partitions": 2,
        "api_reply_timeout_ms": 5_000,
        **changed,
    }
    return Settings(**chosen)


class Process:
    """A module of the platform as its own process."""

    def __init__(self, module: str, settings: Settings, log_path: Path) -> None:
        given = {variable(name): str(getattr(settings, name)) for name in settings.__struct_fields__}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_")}
        self.log_path = log_path
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module], env={**kept, **given}, stdout=log, stderr=log
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def return_code(self) -> int | None:
        return self._process.poll()

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = 15.0) -> int:
        """End the process and return its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout_s)
            raise


class Client:
    """Asks an API under a key, one connection per request."""

    def __init__(self, port: int, secret_key: str | None = None) -> None:
        self._port = port
        self.secret_key = secret_key

    def under(self, secret_key: str | None) -> "Client":
        """The same API under another key."""
        return Client(self._port, secret_key)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answered:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, body: object = None, key: str | None = None) -> Answered:
        raw = None if body is None else json.dumps(body).encode()
        headers = {} if key is None else {"Idempotency-Key": key}
        if raw is not None:
            headers["Content-Type"] = "application/json"
        return self.ask("POST", path, raw, headers)

    def ask(
        self, method: str, path: str, raw: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answered:
        sent = dict(headers or {})
        if self.secret_key is not None and "Authorization" not in sent:
            sent["Authorization"] = f"Bearer {self.secret_key}"
        connection = HTTPConnection("127.0.0.1", self._port, timeout=DEADLINE_S)
        try:
            connection.request(method, path, raw, sent)
            return _answered(connection.getresponse())
        finally:
            connection.close()


def until(found: Callable[[], T | None], what: str) -> T:
    """Ask again until there is something; fail naming `what` after the deadline."""
    ends_at = time.monotonic() + DEADLINE_S
    while time.monotonic() < ends_at:
        value = found()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"did not come to pass: {what}")


def until_ready(client: Client, process: Process) -> None:
    """Wait until an API takes commands."""

    def ready() -> bool | None:
        assert process.return_code is None, process.log_path.read_text()[-3000:]
        try:
            return client.get("/readyz").status == 200 or None
        except ConnectionError:
            return None

    until(ready, "the API is ready")


def _answered(response: HTTPResponse) -> Answered:
    raw = response.read()
    headers = {name.lower(): value for name, value in response.getheaders()}
    is_json = "json" in headers.get("content-type", "")
    return Answered(response.status, headers, json.loads(raw) if is_json else raw)
