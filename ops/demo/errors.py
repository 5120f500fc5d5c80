"""Why can a demo not begin, or a payment of it not go on?

DemoError                 root of everything this package raises
    RequestsFileRefused   a file of payment requests cannot be replayed as it is
    SetupRefused          the platform does not let the demo create its merchants, or is not there
    GaveUp                a request had no usable answer until its deadline
    TablesUnreadable      Postgres did not answer until the deadline
    BookUnreadable        the provider's book did not answer until the deadline
"""


class DemoError(Exception):
    """Root of everything this package raises."""


class RequestsFileRefused(DemoError):
    """A file of payment requests cannot be replayed; the message names its malformed lines."""


class SetupRefused(DemoError):
    """The platform does not let the demo create its merchants, or is not there."""


class GaveUp(DemoError):
    """A request had no usable answer until its deadline, however often it was repeated."""


class TablesUnreadable(DemoError):
    """Postgres did not answer until the deadline."""


class BookUnreadable(DemoError):
    """The provider's book did not answer until the deadline."""
