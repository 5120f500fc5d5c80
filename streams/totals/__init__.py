"""Totals: how the platform's own accounts stand over all partitions."""
