"""What has this process seen of an object lately, ahead of the database?"""

from collections import OrderedDict
from typing import Any, Final, TypeVar

from api.answers import view_id
from schemas.merchants import WebhookEndpointView
from schemas.payment_views import PaymentView, RefundView

MAX_VIEWS: Final = 10_000


V = TypeVar("V", PaymentView, RefundView)
Versioned = TypeVar("Versioned", PaymentView, RefundView, WebhookEndpointView)


def newer(one: Versioned | None, other: Versioned | None) -> Versioned | None:
    """The view of the higher version, of two of the same object."""
    if one is None or other is None:
        return one or other
    return one if one.version >= other.version else other


class RecentViews:
    """The newest view of each of the objects last answered about, least recently used ones forgotten."""

    def __init__(self, capacity: int = MAX_VIEWS) -> None:
        self._views: OrderedDict[str, PaymentView | RefundView] = OrderedDict()
        self._versions: OrderedDict[str, int] = OrderedDict()
        self._endpoints: OrderedDict[str, WebhookEndpointView] = OrderedDict()
        self._capacity = capacity

    def remember(self, view: PaymentView | RefundView) -> None:
        """Keep a view unless a higher version is known; a refund also tells how far its payment is."""
        name = view_id(view)
        known = self._views.get(name)
        if known is None or view.version >= known.version:
            self._views[name] = view
        _touch(self._views, name, self._capacity)
        self._versions[view.payment_id] = max(view.version, self._versions.get(view.payment_id, 0))
        _touch(self._versions, view.payment_id, self._capacity)

    def remember_endpoint(self, view: WebhookEndpointView) -> None:
        """Keep a webhook endpoint unless a higher version is known."""
        self._endpoints[view.endpoint_id] = newer(self._endpoints.get(view.endpoint_id), view) or view
        _touch(self._endpoints, view.endpoint_id, self._capacity)

    def least_version(self, payment_id: str) -> int:
        """The version that a payment has reached for certain, 0 if nothing is known of it here."""
        return self._versions.get(payment_id, 0)

    def payment(self, payment_id: str, merchant_id: str) -> PaymentView | None:
        """The newest view of a merchant's payment seen here."""
        view = self._views.get(payment_id)
        return view if isinstance(view, PaymentView) and view.merchant_id == merchant_id else None

    def refund(self, refund_id: str, merchant_id: str) -> RefundView | None:
        """The newest view of a merchant's refund seen here."""
        view = self._views.get(refund_id)
        return view if isinstance(view, RefundView) and view.merchant_id == merchant_id else None

    def endpoint(self, endpoint_id: str, merchant_id: str) -> WebhookEndpointView | None:
        """The newest view of a merchant's webhook endpoint seen here."""
        view = self._endpoints.get(endpoint_id)
        return view if view is not None and view.merchant_id == merchant_id else None


def _touch(kept: OrderedDict[str, Any], name: str, capacity: int) -> None:
    """Make a name the last to be forgotten, and forget the first if there are too many."""
    kept.move_to_end(name)
    if len(kept) > capacity:
        kept.popitem(last=False)
