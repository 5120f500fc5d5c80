"""What can keep the verification from judging at all.

VerifyError
    LogUnreadable     a topic cannot be read to the end that was seen
    TablesUnreadable  Postgres cannot be read
    BookUnreadable    the provider's book cannot be read
    ClientLogInvalid  a line of the client's own log is none
"""

from ops.errors import OpsError


class VerifyError(OpsError):
    """Nothing was judged: something that has to be read could not be."""


class LogUnreadable(VerifyError):
    """A topic cannot be read to the end that was seen."""


class TablesUnreadable(VerifyError):
    """Postgres cannot be read."""


class BookUnreadable(VerifyError):
    """The provider's book cannot be read."""


class ClientLogInvalid(VerifyError):
    """A line of the client's own log is none."""
