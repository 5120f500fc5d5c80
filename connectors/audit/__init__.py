"""Seals the journal: once a minute what it has come to, signed, to a topic and to a file outside."""
