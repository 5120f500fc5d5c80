"""What touches the world: loops between topics and providers, databases, banks and merchants."""
