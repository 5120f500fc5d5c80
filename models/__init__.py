"""How risk is scored: features, packages and scorers (not data models). Empty until the risk stage joins."""
