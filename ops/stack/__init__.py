"""The embedded stack: Kafka, PostgreSQL and the supervisor that keeps every process of a machine running."""
