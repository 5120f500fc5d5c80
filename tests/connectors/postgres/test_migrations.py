"""A database is only ever brought forward, by files that never change."""

import pytest

from connectors.postgres.migrations import Migration, MigrationRefused, migrations, pending

FIRST, SECOND, THIRD = (Migration(n, f"{n:04d}_step.sql", f"SELECT {n}") for n in (1, 2, 3))


def test_what_is_missing_is_applied_in_order() -> None:
    """A database of an older program needs just the rest."""
    assert (FIRST, SECOND) == pending((FIRST, SECOND), {})
    assert (SECOND,) == pending((FIRST, SECOND), {1: FIRST.sha256})
    assert () == pending((FIRST, SECOND), {1: FIRST.sha256, 2: SECOND.sha256})


def test_a_changed_file_is_refused() -> None:
    """Two databases with the same migrations must have the same tables."""
    with pytest.raises(MigrationRefused, match=r"0001_step\.sql has changed"):
        pending((FIRST,), {1: SECOND.sha256})


def test_a_newer_database_is_refused() -> None:
    """An old program must not write into tables it does not know."""
    with pytest.raises(MigrationRefused, match="migration 2"):
        pending((FIRST,), {1: FIRST.sha256, 2: SECOND.sha256})


def test_a_file_before_the_applied_ones_is_refused() -> None:
    """The order in which files were applied is the order of their numbers, everywhere."""
    with pytest.raises(MigrationRefused, match=r"0002_step\.sql comes before 0003"):
        pending((FIRST, SECOND, THIRD), {1: FIRST.sha256, 3: THIRD.sha256})


def test_the_repository_numbers_its_files_without_gap() -> None:
    """A gap would be filled by someone, and then refused by every database."""
    assert list(range(1, len(migrations()) + 1)) == [migration.number for migration in migrations()]
