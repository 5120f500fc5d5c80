"""How does this process learn every secret key: by reading merchants.events from its beginning."""

import structlog

from api.auth import KeyRing
from api.reader import Records, TopicReader
from schemas import topics
from schemas.codec import CorruptMessage, codec_of
from schemas.kafka import consumer_settings
from schemas.settings import Settings

_decode = codec_of(topics.MERCHANTS_EVENTS).decode
_log = structlog.get_logger(__name__)


def key_reader(settings: Settings, ring: KeyRing) -> TopicReader:
    """A reader that fills `ring`, and is ready when all keys given out before its start are known."""

    def learn(records: Records) -> None:
        for record in records:
            try:
                ring.learn(_decode(record.value()).body)
            except CorruptMessage as error:
                # The sink sets such a record aside; here it can only be passed over.
                _log.error("account_event_unreadable", error=str(error), offset=record.offset())

    return TopicReader(
        consumer_settings(
            settings.kafka_bootstrap_servers, client_id=settings.api_instance, group="millrace.api.keys"
        ),
        topics.MERCHANTS_EVENTS.name,
        partitions=None,
        start="beginning",
        on_records=learn,
    )
