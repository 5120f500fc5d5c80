"""What is decided: topic to topic, by pure deciders in one generic Faust shell."""
