"""Which Avro schemas do our topics have, in the shape every Confluent client asks for?"""

import json
from functools import cache

from api.answers import Answer, to_json
from api.calls import Call
from api.problems import Problem
from api.services import Services
from schemas import registry
from schemas.outcomes import Outcome
from schemas.registry import RegisteredSchema

_CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
_SUBJECT_NOT_FOUND, _VERSION_NOT_FOUND, _SCHEMA_NOT_FOUND = 40401, 40402, 40403


async def subjects(services: Services, call: Call) -> Answer:
    """GET /subjects."""
    return _answer(sorted(_by_subject()))


async def versions(services: Services, call: Call) -> Answer:
    """GET /subjects/{subject}/versions."""
    return _answer(sorted(_versions(call.part("subject"))))


async def version(services: Services, call: Call) -> Answer:
    """GET /subjects/{subject}/versions/{version}; the version is a number or `latest`."""
    subject = call.part("subject")
    known = _versions(subject)
    asked = call.part("version")
    number = max(known) if asked == "latest" else int(asked) if asked.isascii() and asked.isdigit() else 0
    if number not in known:
        raise _not_found(_VERSION_NOT_FOUND, "no such version of this subject")
    schema = known[number]
    return _answer({"subject": subject, "version": number, "id": schema.id, "schema": schema.text})


async def schema_by_id(services: Services, call: Call) -> Answer:
    """GET /schemas/ids/{id}."""
    for schema in registry.all_schemas():
        if str(schema.id) == call.part("id"):
            return _answer({"schema": schema.text})
    raise _not_found(_SCHEMA_NOT_FOUND, "no such schema")


def subject_of(schema: RegisteredSchema) -> str:
    """The subject of a schema by topic and record name: `<topic>-<namespace>.<name>`."""
    declared = json.loads(schema.text)
    return f"{schema.topic}-{declared['namespace']}.{declared['name']}"


@cache
def _by_subject() -> dict[str, dict[int, RegisteredSchema]]:
    found: dict[str, dict[int, RegisteredSchema]] = {}
    for schema in registry.all_schemas():
        found.setdefault(subject_of(schema), {})[schema.version] = schema
    return found


def _versions(subject: str) -> dict[int, RegisteredSchema]:
    known = _by_subject().get(subject)
    if known is None:
        raise _not_found(_SUBJECT_NOT_FOUND, "no such subject")
    return known


def _answer(value: object) -> Answer:
    return Answer(outcome=Outcome.SUCCEEDED, body=to_json(value), content_type=_CONTENT_TYPE)


def _not_found(error_code: int, message: str) -> Problem:
    """Confluent clients read `error_code` and `message`; everyone else reads our own error object."""
    return Problem(Outcome.NOT_FOUND, message, beside={"error_code": error_code, "message": message})
