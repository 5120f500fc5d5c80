"""How do tests and judges make the provider settle, and see what it believes it settled?"""

from collections.abc import Mapping

import msgspec
from aiohttp import web

from connectors.psp.simulator.answers import PROVIDER, json_response, problem_response
from connectors.psp.simulator.entries import Batch
from connectors.psp.simulator.problems import Problem
from connectors.psp.simulator.settlement import settlement_of
from connectors.psp.simulator.settlement_files import file_name


async def settle(request: web.Request) -> web.Response:
    """POST or PUT /_simulator/settlement: settle now; tells which references were told wrongly on purpose."""
    asked = settlement_of(await request.read())
    if isinstance(asked, Problem):
        return problem_response(asked)
    settled = await request.app[PROVIDER].settling.settle(asked)
    if isinstance(settled, Problem):
        return problem_response(settled)
    breaks = [
        {"batch_id": batch.batch_id, **msgspec.to_builtins(one)} for batch in settled for one in batch.breaks
    ]
    return json_response({"batches": [_summary(batch) for batch in settled], "breaks": breaks})


async def write_again(request: web.Request) -> web.Response:
    """POST /_simulator/settlement/{batch_id}: write the file of a batch again."""
    written = await request.app[PROVIDER].settling.write_again(request.match_info["batch_id"])
    return problem_response(written) if isinstance(written, Problem) else json_response(_summary(written))


async def list_settlements(request: web.Request) -> web.StreamResponse:
    """GET /_simulator/settlement: every batch with its lines and breaks, and what is in none yet."""
    batches, pending = await request.app[PROVIDER].settling.shown()
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"batches":[')
    # A long book is written piece by piece, so that other callers are served in between.
    for index, batch in enumerate(batches):
        shown = {**_summary(batch), **msgspec.to_builtins(batch)}
        del shown["entry"], shown["covered"]
        await response.write((b"," if index else b"") + msgspec.json.encode(shown))
    refs = [operation.provider_ref for operation in pending]
    await response.write_eof(b'],"pending":' + msgspec.json.encode(refs) + b"}")
    return response


def _summary(batch: Batch) -> Mapping[str, object]:
    return {
        "batch_id": batch.batch_id,
        "file_name": file_name(batch),
        "currency": batch.currency,
        "settled_on": batch.settled_on,
        "line_count": len(batch.lines),
        "omitted": batch.omitted,
        "breaks": batch.breaks,
    }
