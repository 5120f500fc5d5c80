"""Does this process remember the newest it saw, and only a bounded number of objects?"""

from msgspec.structs import replace

from api.recent import RecentViews, newer
from tests.api.test_answers import payment, refund

OWNER = payment().merchant_id


def test_the_higher_version_wins() -> None:
    """Replies may overtake each other."""
    recent = RecentViews()
    recent.remember(payment(version=4))
    recent.remember(payment(version=3))
    assert payment(version=4) == recent.payment(payment().payment_id, OWNER)
    assert payment(version=4) == newer(payment(version=3), payment(version=4))
    assert payment() == newer(None, payment())


def test_another_merchant_sees_nothing() -> None:
    """What is remembered belongs to someone."""
    recent = RecentViews()
    recent.remember(payment())
    assert recent.payment(payment().payment_id, "mer_other") is None
    assert recent.refund(payment().payment_id, OWNER) is None


def test_the_least_recently_used_is_forgotten() -> None:
    """Memory is bounded however many payments there are."""
    recent = RecentViews(capacity=2)
    for name in ("pay_1", "pay_2", "pay_1", "pay_3"):
        recent.remember(replace(payment(), payment_id=name))
    assert recent.payment("pay_2", OWNER) is None
    assert recent.payment("pay_1", OWNER) is not None


def test_a_refund_tells_how_far_its_payment_is() -> None:
    """Whoever was told of a refund must not be shown the payment as it was before."""
    recent = RecentViews()
    recent.remember(replace(refund(), version=9))
    recent.remember(payment(version=4))
    assert 9 == recent.least_version(payment().payment_id)
    assert 0 == recent.least_version("pay_unknown")
