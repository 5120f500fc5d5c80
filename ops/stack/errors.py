"""What can keep the stack from starting or stopping?

StackError
|-- DownloadFailed        a part of the stack could not be fetched
|-- ForeignDirectory      the data directory holds something else
|-- DirectoryInUse        a live supervisor owns the data directory
|-- DiskFull              too little space to start or to go on
|-- PortTaken             someone else listens where we must
`-- StartFailed           a process ended or stayed silent while it started
"""


class StackError(Exception):
    """Anything that keeps the stack from starting or stopping; the message names the next step."""


class DownloadFailed(StackError):
    """A part of the stack could not be fetched."""


class ForeignDirectory(StackError):
    """The data directory holds something that is not ours."""


class DirectoryInUse(StackError):
    """A live supervisor owns the data directory."""


class DiskFull(StackError):
    """There is too little space on the disk to start or to go on."""


class PortTaken(StackError):
    """Another process listens on a port we need."""


class StartFailed(StackError):
    """A process ended, or was not ready in time, while it started."""
