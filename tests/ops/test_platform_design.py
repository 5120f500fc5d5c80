"""Does a data directory keep its addresses and secrets, and does every process get the settings it needs?"""

import hashlib
import os
import socket
import stat
from pathlib import Path

import msgspec
import pytest

from ops import lifecycle, platform
from ops.errors import NotRunning
from ops.platform import Addresses, Answers, Platform
from ops.stack.errors import ForeignDirectory
from ops.stack.ports import LOOPBACK, free_port
from ops.stack.processes import ProcessSpec
from schemas.settings import Settings, parse_settings
from streams.stages import DEFINITIONS

# Designing a platform formats the storage of a real Kafka and a real Postgres.
pytestmark = pytest.mark.integration

OURS = ("worker", "clock", "gateway", "egress", "bank", "audit", "sink", "api")


def designed(data_dir: Path, **changed: object) -> Platform:
    return platform.design(data_dir, msgspec.structs.replace(Settings(), data_dir=str(data_dir), **changed))


def spec_of(found: Platform, role: str) -> ProcessSpec:
    return next(spec for spec in found.processes if spec.role == role)


def test_ports_and_secrets_stay(tmp_path: Path) -> None:
    """Merchants and dashboards keep the address; a new operator key would lock the operators out."""
    first, again = designed(tmp_path / "data"), designed(tmp_path / "data")
    assert first.addresses == again.addresses
    assert first.settings == again.settings
    assert platform.operator_key(first.data_dir) == platform.operator_key(again.data_dir)
    *own, metrics = msgspec.structs.astuple(first.addresses)
    ports = [*own, *metrics.values()]
    assert len(ports) == len(set(ports))


def test_a_port_that_was_asked_for_is_kept_too(tmp_path: Path) -> None:
    """`status` and `down` are called without the port."""
    port = free_port()
    asked = platform.design(tmp_path, Settings(), api_port=port)
    assert port == asked.addresses.api == designed(tmp_path).addresses.api
    assert f"http://{LOOPBACK}:{port}" == asked.api_url
    known = msgspec.json.decode((tmp_path / "ports.json").read_bytes(), type=Addresses)
    assert asked.addresses == known


def test_a_taken_port_of_the_api_is_avoided_at_first(tmp_path: Path) -> None:
    """A second platform on one machine starts beside the first."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        taken = listener.getsockname()[1]
        assert taken != designed(tmp_path, api_port=taken).addresses.api


def test_two_directories_share_no_secret(tmp_path: Path) -> None:
    """The operator of one platform is nobody on another."""
    one, other = designed(tmp_path / "one"), designed(tmp_path / "other")
    assert platform.operator_key(one.data_dir) != platform.operator_key(other.data_dir)
    assert one.settings.psp_callback_secret != other.settings.psp_callback_secret


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Whoever else has an account on the machine may not become an operator."""
    previous = os.umask(0)
    try:
        found = designed(tmp_path)
    finally:
        os.umask(previous)
    private = [path for path in tmp_path.iterdir() if path.name in ("secrets.json", "operator.key")]
    assert 2 == len(private)
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in private}
    key = platform.operator_key(found.data_dir)
    assert hashlib.sha256(key.encode()).hexdigest() == found.settings.operator_key_sha256
    told = [*(spec.argv for spec in found.processes), *(spec.env.values() for spec in found.processes)]
    assert not any(key in text for texts in told for text in texts)
    arguments = [text for spec in found.processes for text in spec.argv]
    assert not any(found.settings.psp_callback_secret in text for text in arguments)
    readers = {
        secret: {process.role for process in found.processes if secret in process.env.values()}
        for secret in (found.settings.webhooks_sealing_key, found.settings.psp_callback_secret)
    }
    assert [{"api", "egress"}, {"api", "simulator"}] == list(readers.values())


def test_another_ones_directory_is_refused_untouched(tmp_path: Path) -> None:
    """Nothing may be written before it is known whose directory it is."""
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ForeignDirectory, match=r"thesis\.txt"):
        designed(tmp_path)
    assert ["thesis.txt"] == [path.name for path in tmp_path.iterdir()]


def test_every_process_runs_with_the_same_settings(tmp_path: Path) -> None:
    """Parts that disagree about a window or an address would each be right and together wrong."""
    found = designed(tmp_path, payments_authorization_window_ms=1234, partitions=3)
    parsed = {role: parse_settings(spec_of(found, role).env) for role in (*OURS, "provision")}
    apart = {"metrics_port": 0, "webhooks_sealing_key": "", "psp_callback_secret": ""}
    shared = {role: msgspec.structs.replace(one, **apart) for role, one in parsed.items()}
    assert dict.fromkeys(shared, msgspec.structs.replace(found.settings, **apart)) == shared
    assert (1234, 3) == (found.settings.payments_authorization_window_ms, found.settings.partitions)


def test_every_process_of_ours_shows_its_metrics(tmp_path: Path) -> None:
    """Each has an address of its own, and `status` tells all of them."""
    found = designed(tmp_path)
    assert set(OURS) == set(found.metrics_urls)
    for role in set(OURS) - {"api"}:
        port = parse_settings(spec_of(found, role).env).metrics_port
        assert f"http://{LOOPBACK}:{port}/metrics" == found.metrics_urls[role]
    assert f"{found.api_url}/metrics" == found.metrics_urls["api"]
    assert len(OURS) == len(set(found.metrics_urls.values()))


def test_a_directory_from_before_metrics_gets_ports_for_them(tmp_path: Path) -> None:
    """An older directory keeps its addresses and gains what is new."""
    first = designed(tmp_path)
    known = msgspec.json.decode((tmp_path / "ports.json").read_bytes())
    del known["metrics"]
    (tmp_path / "ports.json").write_bytes(msgspec.json.encode(known))
    again = designed(tmp_path)
    assert msgspec.structs.replace(first.addresses, metrics=again.addresses.metrics) == again.addresses
    assert set(platform.MEASURED) == set(again.addresses.metrics)


def test_windows_are_short_where_nobody_chose_them(tmp_path: Path) -> None:
    """On a laptop an unknown outcome resolves within a minute; who sets a window gets it."""
    standard = Settings()
    short = designed(tmp_path / "short").settings
    assert short.payments_confirm_window_ms < standard.payments_confirm_window_ms
    assert short.psp_call_timeout_ms < short.payments_confirm_window_ms
    chosen = designed(tmp_path / "chosen", payments_confirm_window_ms=45_000).settings
    assert 45_000 == chosen.payments_confirm_window_ms
    assert short.psp_call_timeout_ms == chosen.psp_call_timeout_ms


def test_everything_starts_after_what_it_needs(tmp_path: Path) -> None:
    """The order is the dependence: no process may meet a broker without topics."""
    found = designed(tmp_path)
    assert ("kafka", "postgres", "simulator", "provision", *OURS) == tuple(
        spec.role for spec in found.processes
    )
    started: set[str] = set()
    for spec in found.processes:
        assert set(spec.after) <= started, spec.role
        started.add(spec.role)
    assert set(DEFINITIONS) <= set(spec_of(found, "worker").argv)
    assert spec_of(found, "provision").is_job


def test_the_provider_delivers_where_the_bank_reads(tmp_path: Path) -> None:
    """Two directories would leave every settlement unread."""
    arguments = spec_of(designed(tmp_path / "one"), "simulator").argv
    assert str(tmp_path / "one" / "bank" / "inbox") in arguments
    elsewhere = tmp_path / "elsewhere"
    assert (
        str(elsewhere / "inbox")
        in spec_of(designed(tmp_path / "two", bank_dir=str(elsewhere)), "simulator").argv
    )


def test_a_server_that_does_not_answer_is_not_ready() -> None:
    """Readiness is asked several times a second of servers that may not be there yet."""
    assert not Answers(url=f"http://{LOOPBACK}:{free_port()}/healthz").is_ready()


def test_a_detached_start_that_fails_says_why_at_once(tmp_path: Path) -> None:
    """A taken port is told by name within seconds, not as silence after minutes."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(NotRunning, match=rf"already in use .* api {port}"):
            lifecycle.up(Settings(data_dir=str(tmp_path)), api_port=port, is_detached=True)
