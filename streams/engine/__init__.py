"""How topics become topics: Faust over librdkafka, one fenced Kafka transaction per task and commit."""
