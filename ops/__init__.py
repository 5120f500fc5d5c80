"""How it is run: the `millrace` command, the embedded stack, demo, verify, bench and simulation."""
