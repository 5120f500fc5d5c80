"""What is said of a settlement file and its lines? The same file says the same, under the same ids."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from connectors.bank.model import Header, Line, Refusal, Trailer, file_id
from schemas import ids
from schemas.bank import SettlementFileAccepted, SettlementFileRefused
from schemas.envelope import Actor, Envelope, Message, Mode
from schemas.reconciliation import SettlementLine

MERCHANT: str = "platform"
"""Whom a file belongs to: it settles for many merchants, and which one a line is for our side knows."""


class Reading(Struct, frozen=True, kw_only=True):
    """One reading of one file. sha256: of its bytes; empty where they could not be read."""

    file_name: str
    sha256: str
    mode: Mode
    cell: str
    now_ms: int

    def accepted(
        self, header: Header, trailer: Trailer, *, is_restated: bool
    ) -> Message[SettlementFileAccepted]:
        """All lines have been told."""
        body = SettlementFileAccepted(
            file_id=file_id(header),
            file_name=self.file_name,
            sha256=self.sha256,
            provider=header.provider,
            batch_id=header.batch_id,
            settled_on=header.settled_on,
            currency=header.currency,
            lines=trailer.lines,
            gross_minor=trailer.gross_minor,
            fee_minor=trailer.fee_minor,
            net_minor=trailer.net_minor,
            is_restated=is_restated,
        )
        message_id = self._message_id(body.file_id, "accepted")
        return Message(
            envelope=self._envelope(message_id, message_id, body.file_id, header.provider), body=body
        )

    def refused(self, header: Header | None, refusal: Refusal) -> Message[SettlementFileRefused]:
        """Nothing was told. Without a readable header the file is named after its content or name."""
        batch = ids.file_id("", self.sha256 or self.file_name) if header is None else file_id(header)
        body = SettlementFileRefused(
            file_id=batch,
            file_name=self.file_name,
            sha256=self.sha256,
            problem=refusal.problem,
            detail=refusal.detail,
            line=refusal.line,
        )
        message_id = self._message_id(batch, "refused")
        principal = "unknown" if header is None else header.provider
        return Message(envelope=self._envelope(message_id, message_id, batch, principal), body=body)

    def lines(self, header: Header) -> Callable[[int, Line], tuple[str, Message[SettlementLine]]]:
        """What gives the key and message of each line by its number; a line of a file has one id for ever."""
        batch = file_id(header)
        file_message_id = self._message_id(batch, "accepted")
        envelope = self._envelope(file_message_id, file_message_id, batch, header.provider)

        def told(number: int, line: Line) -> tuple[str, Message[SettlementLine]]:
            body = SettlementLine(
                line_id=line.line_id,
                file_id=batch,
                provider=header.provider,
                provider_ref=line.provider_ref,
                kind=line.kind,
                gross_minor=line.gross_minor,
                fee_minor=line.fee_minor,
                net_minor=line.net_minor,
                currency=header.currency,
                settled_on=header.settled_on,
            )
            own = replace(envelope, message_id=f"{file_message_id}.{number}")
            return ids.match_key(header.provider, line.provider_ref), Message(envelope=own, body=body)

        return told

    def _message_id(self, batch: str, verdict: str) -> str:
        return f"stf_{ids.digest(batch, self.sha256, self.file_name, verdict)}"

    def _envelope(self, message_id: str, causation_id: str, batch: str, provider: str) -> Envelope:
        return Envelope(
            message_id=message_id,
            causation_id=causation_id,
            correlation_id=batch,
            occurred_at_ms=self.now_ms,
            mode=self.mode,
            merchant_id=MERCHANT,
            cell=self.cell,
            actor=Actor(role="provider", principal=provider),
        )
