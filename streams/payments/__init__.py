"""Payments: from the intent to the last refund, one aggregate per payment."""
