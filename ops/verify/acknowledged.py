"""P1: is everything that was acknowledged in Postgres: the answer, and what it was about?"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from ops.verify.report import Finding, Invariant
from schemas import ids
from schemas.api import AnsweredRequest

TABLES: Final[Mapping[str, str]] = {
    "ref": "mart.refunds",
    "mer": "mart.merchants",
    "opr": "mart.operators",
    "we": "mart.webhook_endpoints",
    "evt": "mart.webhook_events",
}
"""Prefix of an id: the table its object has to be in, whatever its version. Payments are told by version."""


class ClientLine(Struct, frozen=True, kw_only=True):
    """One answer in the client's own log. version: of the object in the answer; further members are left alone."""

    status: int
    request_id: str | None = None
    object_id: str | None = None
    version: int | None = None


class Acknowledged:
    """Gathers what was acknowledged, then holds it against what is stored."""

    def __init__(self) -> None:
        self._finding = Finding("P1", "acknowledged requests are in Postgres")
        self._from_client: dict[str, str | None] = {}
        self._version_by_key: dict[str, tuple[int, str]] = {}
        self._objects: dict[str, str] = {}
        self._promised = 0

    def client(self, line: ClientLine) -> None:
        """A line of the client's own log."""
        if 200 <= line.status < 300:
            self._finding.checked += 1
            if line.request_id is not None:
                self._from_client[line.request_id] = line.object_id
            self._require(line.object_id, line.version, line.request_id or "a request the client logged")

    def answer(self, answer: AnsweredRequest, stored: Mapping[str, int]) -> None:
        """The next answer of the request log. stored: status by request id in Postgres."""
        self._from_client.pop(answer.request_id, None)
        if not 200 <= answer.status < 300:
            return
        self._finding.checked += 1
        status = stored.get(answer.request_id)
        if status != answer.status:
            found = "is not in raw.api_requests" if status is None else f"is there with status {status}"
            self._finding.wrong(f"{answer.request_id}: answered with {answer.status}, {found}")
        self._require(answer.object_id, answer.object_version, answer.request_id)

    def behind(self, told: str) -> None:
        """The load did not reach the cut in time."""
        self._finding.wrong(told)

    def stored_payment(self, payment_id: str, version: int) -> None:
        """A row of mart.payments."""
        wanted = self._version_by_key.pop(payment_id.partition("_")[2], None)
        if wanted is not None and version < wanted[0]:
            self._finding.wrong(
                f"{payment_id}: mart.payments has version {version}, {wanted[1]} was answered with {wanted[0]}"
            )

    def stored(self, object_id: str) -> None:
        """A row of one of the TABLES."""
        self._objects.pop(object_id, None)

    def verdict(self) -> Invariant:
        """What was found; call it after everything stored."""
        for key, (_, request_id) in self._version_by_key.items():
            self._finding.wrong(f"pay_{key}: not in mart.payments, {request_id} was answered with it")
        for object_id, request_id in self._objects.items():
            table = TABLES[_prefix(object_id)]
            self._finding.wrong(f"{object_id}: not in {table}, {request_id} was answered with it")
        if self._promised:
            self._finding.remark(f"{self._promised} answers promised a result without showing an object")
        if self._from_client:
            # The API notes an answer without making anyone wait, so a killed API may not have noted its last.
            self._finding.remark(
                f"{len(self._from_client)} answers are in the client's log alone; their objects were looked for all the same"
            )
        return self._finding.invariant(
            "2xx answers in api.requests and in the client's own log against raw.api_requests and the objects in mart"
        )

    def _require(self, object_id: str | None, version: int | None, request_id: str) -> None:
        if object_id is None:
            return
        prefix = _prefix(object_id)
        if prefix in TABLES and version is None:
            # Accepted, and the result comes later: it may be a refusal that leaves no object.
            self._promised += 1
            return
        if prefix in TABLES and prefix != "ref":
            self._objects[object_id] = request_id
            return
        key = ids.key_of(object_id)
        if key is None:
            self._finding.wrong(f"{request_id}: was answered with {object_id}, which is no id of ours")
        elif version is None:
            # Accepted, and the result comes later: it may be a refusal that leaves no object.
            self._promised += 1
        else:
            before = self._version_by_key.get(key)
            if before is None or before[0] < version:
                self._version_by_key[key] = (version, request_id)
            if prefix == "ref":
                self._objects[object_id] = request_id


def _prefix(object_id: str) -> str:
    return object_id.partition("_")[0]
