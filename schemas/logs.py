"""How does every process log: one JSON object a line on standard error, with time, level and role."""

import logging
import sys

import structlog


def configure_logs(level: str, *, role: str, **facts: str) -> None:
    """Log at `level` (debug, info, warning, error) and above; every line has the role and the facts.

    Libraries that log through the standard library are written the same way.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.contextvars.bind_contextvars(role=role, **facts)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_foreign(shared, {"role": role, **facts}))
    logging.basicConfig(level=number, handlers=[handler], force=True)


def _foreign(shared: list[structlog.typing.Processor], facts: dict[str, str]) -> logging.Formatter:
    # Context variables belong to one task or thread; lines of libraries come from any of them.
    def name(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {**facts, **line}

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            name,
            structlog.processors.JSONRenderer(),
        ],
    )
