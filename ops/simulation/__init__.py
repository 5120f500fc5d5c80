"""The whole platform in one process from one seed, with a provider that keeps its own book."""
