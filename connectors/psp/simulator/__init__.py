"""A payment provider that keeps its own durable book: to develop, demonstrate and judge against."""
