"""What is the reference workload: its records, what each of them does to a state, and what must come of it.

50,000 payments pass through four events each. A record is skipped if its id is among the last
eight of its payment; otherwise the state gains a version, a status and an amount, and one output
is written for the merchant. Every variant of the engine benchmark does exactly this.
"""

from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct
from msgspec.json import Decoder, Encoder

PARTITIONS: Final = 4
PAYMENTS: Final = 50_000
MERCHANTS: Final = 200
REMEMBERED_IDS: Final = 8
_START_MS: Final = 1_800_000_000_000
_NOTE: Final = "order of the reference workload, as long as a payment's usual description and metadata are, "

Kind = Literal["authorized", "captured", "refunded", "settled"]
KINDS: Final[tuple[Kind, ...]] = ("authorized", "captured", "refunded", "settled")


class PaymentRecord(Struct, frozen=True, kw_only=True):
    """One input record, about 300 bytes of JSON. amount: minor units. seq: 0..3. at: Unix milliseconds."""

    id: str
    kind: Kind
    payment_id: str
    merchant_id: str
    amount: int
    currency: str
    seq: int
    at: int
    note: str


class Tally(Struct, frozen=True, kw_only=True):
    """The state of one payment. total: the sum of its amounts. recent_ids: the latest last."""

    version: int
    merchant_id: str
    status: Kind
    total: int
    recent_ids: tuple[str, ...]

    @property
    def mode(self) -> Literal["test"]:
        """The workload moves no money."""
        return "test"

    @property
    def clock_id(self) -> str:
        """No tally waits for time."""
        return "wall"


class TallyChanged(Struct, frozen=True, kw_only=True):
    """One output record, keyed by merchant."""

    id: str
    payment_id: str
    merchant_id: str
    version: int
    status: Kind
    total: int


encode: Final = Encoder().encode
decode_record: Final = Decoder(PaymentRecord).decode
decode_tally: Final = Decoder(Tally).decode
decode_output: Final = Decoder(TallyChanged).decode


def records(payments: int) -> Iterator[PaymentRecord]:
    """All records of so many payments; the four of a payment lie `payments` records apart."""
    for seq, kind in enumerate(KINDS):
        for number in range(payments):
            payment_id = f"pay_00{number:024d}"
            yield PaymentRecord(
                id=f"evt_{number:08d}{seq:02d}",
                kind=kind,
                payment_id=payment_id,
                merchant_id=f"mer_00{number % MERCHANTS:024d}",
                amount=_amount(number, seq),
                currency="USD",
                seq=seq,
                at=_START_MS + seq * payments + number,
                note=_NOTE,
            )


def expected_total(number: int) -> int:
    """The sum a payment must have come to, in closed form."""
    return 400 * (number % 997 + 1) + 6


def is_known(before: Tally | None, one: PaymentRecord) -> bool:
    """Whether a record was seen before, so that it changes nothing."""
    return before is not None and one.id in before.recent_ids


def tallied(before: Tally | None, one: PaymentRecord) -> Tally:
    """The state after a record that is not known yet."""
    if before is None:
        return Tally(
            version=1, merchant_id=one.merchant_id, status=one.kind, total=one.amount, recent_ids=(one.id,)
        )
    return Tally(
        version=before.version + 1,
        merchant_id=before.merchant_id,
        status=one.kind,
        total=before.total + one.amount,
        recent_ids=(*before.recent_ids, one.id)[-REMEMBERED_IDS:],
    )


def output_of(state: Tally, payment_id: str) -> TallyChanged:
    """What is written for the merchant after a change."""
    return TallyChanged(
        id=state.recent_ids[-1],
        payment_id=payment_id,
        merchant_id=state.merchant_id,
        version=state.version,
        status=state.status,
        total=state.total,
    )


def _amount(number: int, seq: int) -> int:
    return 100 * (number % 997 + 1) + seq
