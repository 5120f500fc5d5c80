"""How is a result told: on psp.results, under the key of its payment."""

from collections.abc import Callable

from connectors.acknowledged import AcknowledgedWriter, Said
from schemas import topics
from schemas.codec import codec_of
from schemas.envelope import Message
from schemas.psp import OperationResult

_encode: Callable[[Message[OperationResult]], bytes] = codec_of(topics.PSP_RESULTS).encode


class Results:
    """Writes psp.results. `tell` may be called from any thread; callbacks run inside `serve`."""

    def __init__(self, bootstrap_servers: str, *, client_id: str) -> None:
        self._writer = AcknowledgedWriter(bootstrap_servers, client_id=client_id)
        self.serve = self._writer.serve

    def tell(self, key: bytes, result: Message[OperationResult], on_told: Callable[[], None]) -> None:
        """Write a result under its payment's key; `on_told` is called once it is durable."""
        self._writer.write([Said(topics.PSP_RESULTS.name, key, _encode(result))], on_told)
