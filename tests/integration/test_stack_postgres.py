"""Does the embedded PostgreSQL run as anybody, and keep what was committed?"""

import os
from pathlib import Path

import psycopg
import pytest

from ops.stack import postgres as postgres_stack

pytestmark = pytest.mark.integration


def test_committed_rows_survive_a_kill(tmp_path: Path) -> None:
    """The sink commits offsets with its rows and never looks back."""
    with postgres_stack.running(tmp_path) as server:
        with psycopg.connect(server.dsn) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        server.kill()
        server.start()
        with psycopg.connect(server.dsn) as connection:
            assert (7,) == connection.execute("SELECT number FROM kept").fetchone()


def test_a_stopped_server_comes_back_with_its_data(tmp_path: Path) -> None:
    """`down` and `up` must not create the cluster again, and open sessions must not delay them."""
    with postgres_stack.running(tmp_path) as server, psycopg.connect(server.dsn) as connection:
        connection.execute("CREATE TABLE kept (number int)")
        connection.commit()
        server.stop()
        server.start()
        with psycopg.connect(server.dsn) as another:
            assert (0,) == another.execute("SELECT count(*) FROM kept").fetchone()


def test_a_cluster_cut_off_while_it_was_created_is_made_anew(tmp_path: Path) -> None:
    """A power cut in the first minute must not spoil the directory."""
    with postgres_stack.running(tmp_path):
        pass
    (tmp_path / "postgres").rename(tmp_path / "postgres.draft")
    with postgres_stack.running(tmp_path) as server, psycopg.connect(server.dsn) as connection:
        assert ("millrace",) == connection.execute("SELECT current_database()").fetchone()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become someone else")
def test_root_runs_it_as_nobody_below_a_private_directory(tmp_path: Path) -> None:
    """Containers run as root with a private home; PostgreSQL refuses root and must still reach its data."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    with postgres_stack.running(private / "data") as server:
        assert 0 != Path(f"/proc/{server.pid}").stat().st_uid
    assert 0o700 == private.stat().st_mode & 0o777, "no permission of the owner's directories is changed"
