"""Proof of the journal for whoever does not trust us: exports, receipts and a verifier that stands alone."""
