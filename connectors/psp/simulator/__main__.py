"""How is the provider started? `python -m connectors.psp.simulator --port 9400 --book FILE`."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from connectors.psp.simulator.faults import Conduct
from connectors.psp.simulator.journal import JournalError
from connectors.psp.simulator.rules import Terms
from connectors.psp.simulator.server import serving
from connectors.psp.simulator.settings import LOOPBACK, CallbackScope, Settings

DAY_S = 24 * 3600.0

_log = structlog.get_logger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; exit code 1 where the book or the port can not be used."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(role="simulator")
    parser = _parser()
    settings = _settings(parser, parser.parse_args(arguments), os.environ)
    reasons: list[str] = []
    try:
        asyncio.run(_serve(settings))
    except* (JournalError, OSError) as failures:
        reasons = [str(failure) for failure in failures.exceptions]
    if reasons:
        _log.error("provider_failed", reasons=reasons)
        sys.exit(1)


async def _serve(settings: Settings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with serving(settings) as provider:
        _log.info("provider_ready", url=provider.url, book=str(settings.book))
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({stopped, provider.running}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()


def _parser() -> argparse.ArgumentParser:
    terms, conduct = Terms(), Conduct()
    parser = argparse.ArgumentParser(prog="python -m connectors.psp.simulator", description=__doc__)
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on (default the loopback)")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    parser.add_argument("--book", type=Path, required=True, help="file the book is kept in")
    parser.add_argument("--api-key-env", metavar="NAME", help="variable with the key callers must send")
    parser.add_argument("--callback-url", metavar="URL", help="where callbacks are sent")
    parser.add_argument("--callback-secret-env", metavar="NAME", help="variable with the signing secret")
    parser.add_argument("--callbacks", choices=[scope.value for scope in CallbackScope], default="actions")
    parser.add_argument("--settlement-dir", type=Path, metavar="DIR", help="where settlement files are put")
    parser.add_argument("--provider-name", default="simulator", help="its name in settlement files")
    windows = (
        ("--authorization-window-s", terms.authorization_window_s, "0: authorizations never expire"),
        ("--action-window-s", terms.action_window_s, "time a customer has to act"),
        ("--key-memory-s", conduct.key_memory_s, "how long keys are recognised; 0: not at all"),
        ("--hang-s", conduct.hang_s, "how long a call without answer is held"),
        ("--slow-s", conduct.slow_s, "how long a slow answer takes"),
        ("--settlement-every-s", DAY_S, "period of settlements; 0: only on request"),
        ("--late-callback-s", conduct.late_callback_s, "how late a late callback is"),
    )
    for name, standard, meaning in windows:
        parser.add_argument(
            name, type=_seconds, default=standard, metavar="S", help=f"{meaning} (default {standard:g})"
        )
    parser.add_argument("--seed", type=int, default=conduct.seed, help="of all drawn faults")
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.0 <= seconds <= 10_000_000.0:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 10,000,000 seconds")
    return seconds


def _settings(
    parser: argparse.ArgumentParser, given: argparse.Namespace, environment: Mapping[str, str]
) -> Settings:
    if given.callback_url and not given.callback_secret_env:
        parser.error("--callback-url needs --callback-secret-env: callbacks are signed")
    return Settings(
        book=given.book,
        host=given.host,
        port=given.port,
        api_key=_secret(parser, given.api_key_env, environment),
        callback_url=given.callback_url,
        callback_secret=_secret(parser, given.callback_secret_env, environment),
        callback_scope=CallbackScope(given.callbacks),
        settlement_dir=given.settlement_dir,
        settlement_every_s=given.settlement_every_s,
        provider_name=given.provider_name,
        terms=Terms(
            authorization_window_s=given.authorization_window_s, action_window_s=given.action_window_s
        ),
        conduct=Conduct(
            seed=given.seed,
            key_memory_s=given.key_memory_s,
            hang_s=given.hang_s,
            slow_s=given.slow_s,
            late_callback_s=given.late_callback_s,
        ),
    )


def _secret(parser: argparse.ArgumentParser, name: str | None, environment: Mapping[str, str]) -> str | None:
    if name is None:
        return None
    if not environment.get(name):
        parser.error(f"the environment variable {name} is empty or missing")
    return environment[name]


if __name__ == "__main__":
    main()
