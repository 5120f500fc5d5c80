"""Whether an attempt may go to a provider: its features gathered, rules applied, and the decision told."""
