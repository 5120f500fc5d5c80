"""What every test runs under."""

from hypothesis import settings

settings.register_profile("millrace", deadline=None, derandomize=True, max_examples=150)
settings.load_profile("millrace")
