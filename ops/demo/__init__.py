"""The demo: customers and merchants that use the public API, and a report of what came of it."""
