"""The sink: what stands on the event topics, as rows that people can ask."""
