"""What can an operator mend: errors whose message names the thing and the next step.

OpsError
    NotRunning      nothing runs in the data directory, or it did not become ready
    NotFound        what was named does not exist
    RulesRefused    a file of risk rules cannot be deployed as it is
    Unwritable      a record would be refused by its readers
    ApiRefused      the API did not do it, or nobody answers
    TablesAway      Postgres cannot be read, or lacks what it should have
    SealsAway       the journal is not sealed
    LedgerStuck     the ledger does not go on
    ProvisionError  the cluster differs from the topic registry
"""


class OpsError(Exception):
    """An error of the command line; its message is all an operator has to see."""


class NotRunning(OpsError):
    """Nothing runs in the data directory, or it did not become ready."""


class NotFound(OpsError):
    """What was named does not exist."""


class RulesRefused(OpsError):
    """A file of risk rules cannot be deployed as it is; every line names a rule, a field and the fix."""


class Unwritable(OpsError):
    """A record would be refused by its readers."""


class ApiRefused(OpsError):
    """The API did not do it, or nobody answers."""


class TablesAway(OpsError):
    """Postgres cannot be read, or lacks what it should have by now."""


class SealsAway(OpsError):
    """The journal is not sealed as far as it should be by now."""


class LedgerStuck(OpsError):
    """The ledger does not go on, or its journal cannot be read."""


class ProvisionError(OpsError):
    """The cluster differs from the topic registry."""
