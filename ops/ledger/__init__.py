"""What operators and auditors do with the ledger from outside."""
