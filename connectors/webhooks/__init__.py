"""How events reach merchants: signed, tried again, and none of them in the way of another."""
