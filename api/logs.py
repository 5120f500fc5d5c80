"""How does the API log: one JSON object a line on standard error."""

import logging
import sys

import structlog


def configure_logs(level: str, *, instance: str) -> None:
    """Log at `level` (debug, info, warning, error) and above; every line names the process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _naming(instance),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _naming(instance: str) -> structlog.typing.Processor:
    def name(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {"role": "api", "instance": instance, **line}

    return name
