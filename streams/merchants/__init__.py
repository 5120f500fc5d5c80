"""Merchants and operators: who may use the platform, and by which keys they are known."""
