"""When and for whom does what is held end: by its time, by a release, and never another authorization's?"""

import pytest

from schemas import topics
from schemas.codec import CorruptMessage, codec_of
from schemas.envelope import Message
from schemas.ledger import RecordHold, TransactionPosted
from schemas.testing import START_MS, envelope
from streams.ledger.testing import DAY, Desk, command


def test_a_hold_that_was_released_is_forgotten() -> None:
    """The row of a payment does not grow with its history."""
    desk = Desk().open().hold().release()
    payment = desk.book().rows.payment(command(RecordHold, 1).payment_id)
    assert payment is not None and () == payment.holds


def test_holds_of_one_authorization_run_out_in_order_of_their_ends() -> None:
    """Not in the order they were made."""
    desk = Desk().open()
    desk.hold(100, expires_at_ms=desk.now_ms + 2 * DAY).hold(200, turn=2, expires_at_ms=desk.now_ms + DAY)
    held = [desk.wait(DAY).held_minor(), desk.wait(DAY).held_minor()]
    assert ([100, 0], ["hold_expired"]) == (held, desk.said)


def test_a_hold_ends_in_time_that_exists() -> None:
    """A time before all times is no message, and is set aside as such."""
    with pytest.raises(CorruptMessage):
        codec_of(topics.LEDGER_COMMANDS_PAYMENTS).decode(
            codec_of(topics.LEDGER_COMMANDS_PAYMENTS).encode(
                Message(envelope=envelope("e"), body=command(RecordHold, 5, expires_at_ms=-5))
            )
        )


def test_an_expired_hold_cannot_be_released() -> None:
    """The ledger took it back itself, in the order of expiry."""
    desk = Desk().open().hold(expires_at_ms=Desk().now_ms + DAY).wait(DAY)
    assert ["hold_expired"] == desk.said
    before = desk.counters()
    assert ["hold_expired"] == desk.release().said
    assert before == desk.counters()


def test_holds_expire_in_order_of_expiry_and_then_of_creation() -> None:
    """Whatever their ids are."""
    desk, start_ms = Desk().open(), Desk().now_ms
    for name, after_ms in (("z", 2_000), ("b", 1_000), ("a", 1_000), ("y", 500)):
        desk.hold(name=name, payment=name, expires_at_ms=start_ms + after_ms)
    held = [event.body.operation_id for event in desk.journal if isinstance(event.body, TransactionPosted)]
    desk.wait(DAY)
    expired = [
        event.body.operation_id
        for event in desk.journal
        if getattr(event.body, "template", "") == "hold_expired"
    ]
    assert [held[3], held[1], held[2], held[0]] == expired


def test_a_hold_without_an_end_does_not_run_out_for_another() -> None:
    """Of two holds of one authorization only one says when it ends."""
    desk = Desk().open()
    desk.hold(100).hold(200, turn=2, expires_at_ms=desk.now_ms + DAY).wait(DAY)
    assert (["hold_expired"], 100) == (desk.said, desk.held_minor())
    assert ["release"] == desk.release(100).said
    assert ["hold_expired"] == desk.release(200, turn=2).said


@pytest.mark.parametrize(("amount_minor", "left_minor"), [(200, 100), (300, 100), (150, 150)])
def test_a_release_takes_from_the_holds_of_its_own_authorization(amount_minor: int, left_minor: int) -> None:
    """However much more is held at the same provider, and although that was held first."""
    desk = Desk().open().hold(100).hold(200, name="2").release(amount_minor, name="2")
    assert (["release"], left_minor) == (desk.said, desk.held_minor())
    payment = desk.book().rows.payment(command(RecordHold, 1).payment_id)
    assert payment is not None and 100 == payment.holds[0].amount_minor


def test_a_late_release_of_an_expired_hold_takes_from_no_other() -> None:
    """The payment was authorized again meanwhile."""
    desk = Desk().open().hold(expires_at_ms=START_MS + DAY).wait(DAY).hold(name="2")
    assert (["hold_expired"], 10_000) == (desk.release().said, desk.held_minor())
