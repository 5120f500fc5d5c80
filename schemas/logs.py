"""How does every process log: one JSON object a line on standard error, with time, level and role.

No line holds a secret: what looks like one is masked just before a line is written.
"""

import json
import logging
import re
import sys
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType, TracebackType
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor

MASK: Final = "[masked]"
_SECRET_NAMES: Final = re.compile(r"authorization|secret|password|api_key|signing_key|sealing_key", re.I)
# Keys, signing secrets and card tokens by their prefixes; credentials behind a scheme or in an address.
_SECRETS: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:sk_(?:test|live)_|op_|whsec_|whsk_|tok_)[A-Za-z0-9_+/=-]{4,}"
    r"|(?<=[Bb]earer )[^\s\"',]+|(?<=[Bb]asic )[A-Za-z0-9+/=]{8,}"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
    r"|(?<=password=)[^\s&]+"
)
# A line with a secret contains one of these in lower case; looking for them is far cheaper than for secrets.
_MARKS: Final = (
    *("sk_", "op_", "whsec_", "whsk_", "tok_", "bearer ", "basic ", "://"),
    *("authorization", "secret", "password", "api_key", "signing_key", "sealing_key"),
)
_subject: Final[ContextVar[Mapping[str, str]]] = ContextVar("subject", default=MappingProxyType({}))
_to_json: Final = json.JSONEncoder(default=repr).encode


def configure_logs(level: str, *, role: str, **facts: str) -> None:
    """Log at `level` (debug, info, warning, error) and above; every line has the role and the facts.

    Libraries that log through the standard library, warnings and what ends the process or a thread
    are written the same way.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        _naming({"role": role, **facts}),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    written: list[Processor] = [structlog.processors.format_exc_info, rendered]
    structlog.configure(
        processors=[*shared, *written],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        # One write a line: lines of several threads must not run into each other.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                *shared,
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *written],
        )
    )
    logging.basicConfig(level=number, handlers=[handler], force=True)
    logging.captureWarnings(True)
    sys.excepthook = _log_the_end
    threading.excepthook = _log_the_end_of_a_thread


def begin_subject(**ids: str) -> None:
    """From here on the lines of this task or thread name these ids, and none of an earlier subject."""
    _subject.set(ids)


def extend_subject(**ids: str) -> None:
    """The lines of this task or thread name these ids as well."""
    _subject.set({**_subject.get(), **ids})


def rendered(_: object, __: str, line: EventDict) -> str:
    """The line as JSON, without secrets."""
    text = _to_json(line)
    lowered = text.lower()
    for mark in _MARKS:
        if mark in lowered:
            return _to_json(masked(line))
    return text


def masked(line: EventDict) -> EventDict:
    """The line without secrets: values under a secret's name, and whatever looks like a secret."""
    return {name: _masked(name, value) for name, value in line.items()}


def _masked(name: object, value: Any) -> Any:
    if isinstance(name, str) and value and _SECRET_NAMES.search(name):
        return MASK
    match value:
        case str():
            return _SECRETS.sub(MASK, value)
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {key: _masked(key, inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_masked(None, inner) for inner in value]
        case _:
            return _SECRETS.sub(MASK, repr(value))


def _naming(facts: Mapping[str, str]) -> Processor:
    def name(_: object, __: str, line: EventDict) -> EventDict:
        return {**facts, **_subject.get(), **line}

    return name


def _log_the_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("process").critical("ended by an error", exc_info=(kind, error, trace))


def _log_the_end_of_a_thread(arguments: threading.ExceptHookArgs) -> None:
    name = arguments.thread.name if arguments.thread is not None else ""
    error = arguments.exc_value or arguments.exc_type()
    logging.getLogger("thread").critical(
        "a thread ended by an error",
        extra={"thread_name": name},
        exc_info=(type(error), error, error.__traceback__),
    )
