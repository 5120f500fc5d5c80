"""Does every invariant hold on the live platform? `verify` reads everything and reports."""

from collections.abc import Container
from pathlib import Path

from ops.verify.client_log import read_client_log, read_receipts
from ops.verify.letters import Letters
from ops.verify.log import Log
from ops.verify.postgres import Postgres
from ops.verify.report import Invariant, Report, report_of
from ops.verify.survey import Survey
from schemas.settings import Settings

__all__ = ["Invariant", "Report", "verify"]


def verify(
    settings: Settings,
    *,
    simulator_url: str | None,
    client_log: Path | None = None,
    receipts: Path | None = None,
    wait_s: float = 30,
    expected_dead_letters: Container[str] = (),
) -> Report:
    """Judge every invariant on what is stored right now, with traffic or without.

    simulator_url: where the provider shows its book; None leaves its effects unjudged.
    client_log: JSON lines {request_id, status, object_id, version} of a client's own.
    receipts: JSON lines {endpoint_id, message_id, digest, problem} of receivers of webhooks.
    wait_s: how long the load may take to pass the cut, in seconds.
    expected_dead_letters: `topic:partition:offset` of records that were broken on purpose.
    Raises VerifyError when something that has to be read cannot be.
    """
    with Log(settings) as log, Postgres(settings.postgres_dsn) as postgres:
        survey = Survey(settings, log, postgres, Letters(expected_dead_letters))
        survey.begin(read_client_log(client_log), simulator_url, wait_s)
        survey.receipts(read_receipts(receipts))
        return report_of(survey.judged())
