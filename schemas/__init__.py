"""What is said: messages, money, ids, topics, codec, outcomes, SQL. No I/O, no clock, no framework."""
