"""How operations reach a payment provider, and what the provider says of them."""
