"""Where commands enter: authenticate, validate, produce to Kafka, answer after the commit."""
