"""Why is there no figure: what was measured did not do its work right, or did not end."""

from ops.errors import OpsError


class BenchFailed(OpsError):
    """A benchmark whose result is wrong or late has no figure; the message says what was found."""
