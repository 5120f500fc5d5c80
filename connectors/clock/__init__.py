"""The clock: what time it is, told to every task of every stage."""
