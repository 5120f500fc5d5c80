"""How is a refund read?"""

from api import parsing
from api.answers import Answer
from api.calls import Call
from api.payment_reads import read_refund
from api.services import Services


async def get(services: Services, call: Call) -> Answer:
    """GET /v1/refunds/{refund_id}."""
    refund_id = call.part("refund_id")
    parsing.object_key(refund_id, "ref")
    return await read_refund(services, call, refund_id)
