"""What does a journal look like to Beancount, and does that independent program agree with it?

Announcements are no entries there: pending and released legs are left out, and a hold is only a comment.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from ops.month.checks import Check
from ops.verify.log import Log
from schemas import topics
from schemas.codec import codec_of
from schemas.envelope import Message
from schemas.ledger import TransactionPosted
from schemas.money import EXPONENTS, Currency, format_amount
from schemas.settings import Settings
from streams.ledger.chart import described

_ROOTS: Final = {
    "asset": "Assets",
    "liability": "Liabilities",
    "income": "Income",
    "expense": "Expenses",
    "memo": "Equity",
}
_OPENED_ON: Final = "1970-01-01"
_TIMEOUT_S: Final = 600


def text_of(events: Iterable[Message[object]]) -> Iterator[str]:
    """The lines of a Beancount file of these records of a journal, in their order.

    Accounts are opened where they first occur, for their one currency. Amounts have the decimals of ISO 4217.
    """
    yield 'option "title" "Millrace"'
    yield from (f'option "inferred_tolerance_default" "{code}:0"' for code in sorted(EXPONENTS))
    opened: set[str] = set()
    for event in events:
        body = event.body
        if not isinstance(body, TransactionPosted):
            continue
        posted = [leg for leg in body.legs if leg.phase == "posted"]
        day = datetime.fromtimestamp(event.envelope.occurred_at_ms / 1000, UTC).date().isoformat()
        if not posted:
            yield f"; {day} {body.template} {body.transaction_id}: nothing moves"
            continue
        for leg in posted:
            if leg.account_id not in opened:
                opened.add(leg.account_id)
                yield f"{_OPENED_ON} open {account_name(leg.account_id)} {described(leg.account_id).currency}"
        yield f'{day} * "{body.template}" "{body.transaction_id}"'
        for leg in posted:
            currency = Currency(described(leg.account_id).currency)
            signed_minor = leg.amount_minor if leg.side == "debit" else -leg.amount_minor
            yield f"  {account_name(leg.account_id)}  {format_amount(signed_minor, currency)}"


def account_name(account_id: str) -> str:
    """The Beancount name of an account: its class, and what its id says, each part beginning with a capital.

    `test.2010.merchant.pending.mer_x.USD` is Liabilities:Test:2010-merchant-pending:Mer-x:USD.
    """
    kind, owner, currency, shard = described(account_id)
    mode = account_id.partition(".")[0]
    parts = [
        _ROOTS[kind.account_class],
        mode.capitalize(),
        f"{kind.code}-{kind.kind.replace('.', '-').replace('_', '-')}",
    ]
    if owner is not None:
        parts.append(owner.replace("_", "-").replace(".", "-").capitalize())
    parts.append(currency if shard is None else f"{currency}-{shard}")
    return ":".join(parts)


def export(settings: Settings, out: IO[str]) -> int:
    """Write the journal of the running platform as Beancount text; the number of lines. Raises LogUnreadable."""
    lines = 0
    with Log(settings) as log:
        ends = log.ends(topics.LEDGER_JOURNAL.name)
        decode = codec_of(topics.LEDGER_JOURNAL).decode
        events = (decode(record.value) for record in log.records(topics.LEDGER_JOURNAL.name, ends))
        for line in text_of(events):
            out.write(line + "\n")
            lines += 1
    return lines


def faults(path: Path) -> list[str]:
    """What `bean-check` has against a file; empty when it agrees. Raises FileNotFoundError without it."""
    beside = Path(sys.executable).with_name("bean-check")
    program = str(beside) if beside.exists() else shutil.which("bean-check")
    if program is None:
        raise FileNotFoundError("bean-check is not there; install the package beancount")
    done = subprocess.run(  # noqa: S603  # a program of our own environment, on a file of ours
        [program, "--no-cache", str(path)], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    found = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return found if found or done.returncode == 0 else [f"bean-check ended with {done.returncode}"]


def checked(settings: Settings) -> Check:
    """Whether Beancount agrees with the whole journal of the running platform."""
    with tempfile.TemporaryDirectory(prefix="millrace-beancount-") as directory:
        path = Path(directory) / "journal.beancount"
        with path.open("w") as out:
            lines = export(settings, out)
        try:
            found = faults(path)
        except FileNotFoundError as error:
            return Check("bean-check", False, str(error))
    return Check("bean-check", not found, "; ".join(found[:5]) or f"agrees with {lines:,} lines")
