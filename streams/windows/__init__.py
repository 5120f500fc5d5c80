"""What was seen of a card, customer, ip or device lately, and what of it is told of an attempt."""
