"""The ledger: double entry for every movement of money, one book per merchant, one journal per partition."""
