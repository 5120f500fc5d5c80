"""Reconciliation: whether providers settle what they moved for us, once and in full."""
