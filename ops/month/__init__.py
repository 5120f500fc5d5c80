"""A month of a marketplace, played through the ledger, with a provider and a bank that keep their own books."""
