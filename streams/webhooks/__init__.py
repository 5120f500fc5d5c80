"""Webhooks: which events go to which endpoints of a merchant."""
