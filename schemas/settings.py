"""Which addresses and limits does a process run with: read from the environment once, refused by name."""

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from schemas.envelope import Mode

PREFIX: Final = "MILLRACE_"

_Port = Annotated[int, Meta(ge=1, le=65_535)]
_Positive = Annotated[int, Meta(ge=1)]
_Natural = Annotated[int, Meta(ge=0)]
_Milliseconds = Annotated[int, Meta(ge=1, le=366 * 24 * 60 * 60 * 1000)]


class SettingsError(ValueError):
    """A variable that is unknown or has a bad value; the message names it and the fix."""


class Settings(Struct, frozen=True, kw_only=True):
    """Every setting, read from `MILLRACE_<NAME>`. Times in milliseconds unless the name says otherwise."""

    # Where the other systems are.
    kafka_bootstrap_servers: Annotated[str, Meta(description="Kafka brokers, host:port with commas")] = (
        "127.0.0.1:9092"
    )
    postgres_dsn: Annotated[str, Meta(description="Postgres the sink writes to and the API reads from")] = (
        "postgresql://millrace@127.0.0.1:5432/millrace"
    )
    data_dir: Annotated[str, Meta(description="Directory that holds everything this machine keeps")] = (
        "var/millrace"
    )
    cache_dir: Annotated[str, Meta(description="Directory of downloaded parts; empty: the user's cache")] = ""

    # Who we are.
    mode: Annotated[Mode, Meta(description="test or live; part of every id")] = "test"
    cell: Annotated[str, Meta(pattern=r"^[0-9a-z]{2}\Z", description="Two characters of the cell")] = "00"

    # Topics, fixed for life once created.
    partitions: Annotated[_Positive, Meta(description="Partitions of every topic")] = 2
    replication_factor: Annotated[_Positive, Meta(description="Replicas of every topic")] = 1

    # The API.
    api_host: Annotated[str, Meta(description="Address the API listens on")] = "127.0.0.1"
    api_port: Annotated[_Port, Meta(description="Port the API listens on")] = 8080
    api_instance: Annotated[
        str, Meta(description="Name of this API process; picks its partition of replies")
    ] = "api"
    api_reply_timeout_ms: Annotated[
        _Milliseconds, Meta(description="Wait for a result before answering 202")
    ] = 10_000
    api_max_in_flight: Annotated[_Positive, Meta(description="Commands waiting per partition before 429")] = (
        500
    )
    api_stale_wait_ms: Annotated[
        _Milliseconds, Meta(description="Wait for min_version before stale: true")
    ] = 500
    operator_key_sha256: Annotated[
        str, Meta(pattern=r"^([0-9a-f]{64})?\Z", description="Hash of the first operator's key; empty: none")
    ] = ""

    # Payments.
    payments_confirm_window_ms: Annotated[
        _Milliseconds, Meta(description="A confirm may reach the provider this long")
    ] = 60_000
    payments_operation_window_ms: Annotated[
        _Milliseconds, Meta(description="So may one call of a capture, void or refund")
    ] = 60_000
    payments_answer_grace_ms: Annotated[
        _Milliseconds, Meta(description="After the window, until requested is unknown")
    ] = 30_000
    payments_query_delays_ms: Annotated[
        str, Meta(description="Delays of the queries of an unknown operation; the last repeats")
    ] = "60000,300000,3600000,86400000"
    payments_scheme_window_ms: Annotated[
        _Milliseconds, Meta(description="An unknown operation is queried this long, then reviewed")
    ] = 8 * 24 * 60 * 60 * 1000
    payments_authorization_window_ms: Annotated[
        _Milliseconds, Meta(description="An authorization lives this long")
    ] = 7 * 24 * 60 * 60 * 1000
    payments_review_window_ms: Annotated[
        _Milliseconds, Meta(description="An attempt held for review fails after this long")
    ] = 24 * 60 * 60 * 1000
    payments_reserve_delays_ms: Annotated[
        str, Meta(description="Delays until the ledger is asked again for a refund; the last repeats")
    ] = "10000,60000,600000"

    # Risk.
    risk_gather_ms: Annotated[
        _Milliseconds, Meta(description="Wait for the features of an attempt before deciding without them")
    ] = 2_000

    # Webhooks.
    webhooks_sealing_key: Annotated[
        str,
        Meta(
            pattern=r"^([0-9a-f]{64})?\Z",
            description="AES-256 key that seals signing secrets, in hex; empty: no endpoint can be created",
        ),
    ] = ""
    webhooks_timeout_ms: Annotated[
        int, Meta(ge=100, le=30_000, description="Bound of one delivery, connecting included")
    ] = 15_000
    webhooks_concurrency: Annotated[_Positive, Meta(description="Deliveries in flight per egress")] = 200
    webhooks_endpoint_concurrency: Annotated[
        _Positive, Meta(description="Deliveries in flight per endpoint")
    ] = 10
    webhooks_retry_delays_ms: Annotated[
        str, Meta(description="Delays before each further attempt; after the last a message is exhausted")
    ] = "5000,300000,1800000,7200000,18000000,36000000,50400000,72000000,86400000"

    # Reconciliation.
    recon_expected_window_ms: Annotated[
        _Milliseconds, Meta(description="A movement waits this long for its settlement line")
    ] = 3 * 24 * 60 * 60 * 1000
    recon_line_window_ms: Annotated[
        _Milliseconds, Meta(description="A settlement line waits this long for its movement")
    ] = 60 * 60 * 1000
    bank_poll_ms: Annotated[
        _Milliseconds, Meta(description="Time between looks for new settlement files")
    ] = 1_000
    bank_dir: Annotated[
        str, Meta(description="Directory of settlement files; empty: `bank` in the data directory")
    ] = ""

    # Seals of the journal.
    audit_seal_ms: Annotated[_Milliseconds, Meta(description="Time between seals of the journal")] = 60_000
    audit_key_file: Annotated[
        str, Meta(description="Private key of seals, PEM; empty: `audit/seal.key` in the data directory")
    ] = ""
    audit_file: Annotated[
        str, Meta(description="Append-only file of seals, outside; empty: `audit/seals.jsonl` there")
    ] = ""

    # The provider.
    psp_provider: Annotated[str, Meta(description="Name of the provider operations are sent to")] = (
        "simulator"
    )
    psp_base_url: Annotated[str, Meta(description="The provider's API")] = "http://127.0.0.1:9400"
    psp_api_key: Annotated[str, Meta(description="Bearer key towards the provider; empty: none")] = ""
    psp_callback_secret: Annotated[
        str, Meta(description="Secret of the provider's callback signatures; empty: refused")
    ] = ""
    psp_call_timeout_ms: Annotated[
        int, Meta(ge=1, le=30_000, description="Bound of one call; never over 30 s")
    ] = 30_000
    psp_settle_ms: Annotated[
        _Natural, Meta(description="After a call's bound, until not found proves not executed")
    ] = 5_000
    psp_concurrency: Annotated[_Positive, Meta(description="Calls in flight per gateway")] = 64

    # Workers.
    worker_name: Annotated[str, Meta(description="Name of this worker; its static membership and data")] = (
        "worker"
    )
    worker_chunk: Annotated[_Positive, Meta(description="Records of one unit of work")] = 500
    worker_pace_ms: Annotated[
        _Natural, Meta(description="Under load, the least time between commits of a task")
    ] = 10
    worker_session_timeout_ms: Annotated[
        _Milliseconds, Meta(description="Silence after which a worker's tasks move")
    ] = 10_000

    # Connectors.
    sink_batch: Annotated[_Positive, Meta(description="Records of one Postgres transaction")] = 2_000
    clock_tick_ms: Annotated[_Milliseconds, Meta(description="Time between ticks")] = 1_000

    # Metrics and logs.
    metrics_host: Annotated[
        str, Meta(description="Address every process but the API serves its metrics on")
    ] = "127.0.0.1"
    metrics_port: Annotated[
        int, Meta(ge=0, le=65_535, description="Port it serves them on; 0: not at all; the API has its own")
    ] = 0
    log_level: Annotated[
        str, Meta(pattern=r"^(debug|info|warning|error)\Z", description="Least level logged")
    ] = "info"


def parse_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`; variables without the prefix are not ours.

    Raises SettingsError for an unknown variable under the prefix or a value out of range.
    """
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX)
    }
    known = {field.name for field in msgspec.structs.fields(Settings)}
    for name in given:
        if name not in known:
            raise SettingsError(
                f"{PREFIX}{name.upper()} is no setting; docs/reference/settings.md lists them all"
            )
    for name, value in given.items():
        try:
            msgspec.convert({name: value}, Settings, strict=False)
        except msgspec.ValidationError as error:
            raise SettingsError(f"{PREFIX}{name.upper()}={value!r}: {error}") from error
    return msgspec.convert(given, Settings, strict=False)


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def delays_ms(name: str, settings: Settings) -> tuple[int, ...]:
    """The delays in a setting that lists them with commas, in milliseconds.

    Raises SettingsError for a list with anything but positive integers.
    """
    listed = str(getattr(settings, name)).split(",")
    if not all(delay.strip().isdecimal() and int(delay) > 0 for delay in listed):
        raise SettingsError(f"{variable(name)}: every delay must be a whole number of at least 1 ms")
    return tuple(int(delay) for delay in listed)
