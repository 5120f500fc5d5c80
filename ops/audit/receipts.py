"""What proves to a merchant that a transaction is in the journal, for ever and as it is?"""

import base64
from typing import Any, Final

import msgspec
import psycopg

from ops.audit.export import sealed
from ops.errors import NotFound
from ops.verify.log import Log
from schemas import topics
from schemas.audit import plain
from schemas.codec import codec_of
from schemas.ledger import TransactionPosted
from schemas.merkle import Tree
from schemas.settings import Settings

_PLACE: Final = "SELECT _partition, _offset FROM mart.ledger_transactions WHERE transaction_id = %s"


def receipt(settings: Settings, transaction_id: str) -> dict[str, Any]:
    """The transaction's record and place, its legs, and the proof that it lies under the newest seal that covers it.

    Raises NotFound for a transaction that is not posted, or not sealed yet; LogUnreadable.
    """
    with psycopg.connect(settings.postgres_dsn) as database:
        place = database.execute(_PLACE, [transaction_id]).fetchone()
    if place is None:
        raise NotFound(f"no transaction {transaction_id}; `millrace explain` names those of a payment")
    partition, offset = place
    with Log(settings) as log:
        seals = [(seal, one) for seal in sealed(log) for one in seal.partitions if one.partition == partition]
        if not seals:
            raise NotFound("nothing is sealed yet; ask again in a minute")
        seal, covered = seals[-1]
        tree, found = Tree(), None
        for record in log.read(topics.LEDGER_JOURNAL.name, partition, covered.next_offset):
            assert record.value is not None, "a record of the journal has a value"
            tree.append(record.value)
            if record.offset == offset:
                found = record.value
    if found is None:
        raise NotFound(f"{transaction_id} is not sealed yet; ask again in a minute")
    body = codec_of(topics.LEDGER_JOURNAL).decode(found).body
    assert isinstance(body, TransactionPosted), f"{transaction_id} is a transaction"
    return {
        "transaction_id": transaction_id,
        "partition": partition,
        "offset": offset,
        "seq": body.seq,
        "value": base64.b64encode(found).decode(),
        "legs": msgspec.to_builtins(body.legs),
        "inclusion": [part.hex() for part in tree.inclusion(body.seq - 1)],
        "seal": plain(seal),
    }
