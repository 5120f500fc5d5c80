"""The digest of a table, kept up to date, equals the digest of its rows."""

from hypothesis import given
from hypothesis import strategies as st

from streams.engine.digest import Digest, checksum, digest_of, row_hash

rows = st.dictionaries(st.binary(max_size=3), st.binary(max_size=3), max_size=8)
changes = st.lists(
    st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.none() | st.binary(max_size=2)), max_size=20
)


@given(changes)
def test_a_running_digest_equals_the_digest_of_the_table(changes: list[tuple[bytes, bytes | None]]) -> None:
    """A restore compares the two; a drift would refuse healthy tables."""
    table: dict[bytes, bytes] = {}
    running = Digest()
    for key, value in changes:
        running = running.replaced(key, table.get(key), value)
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value
    assert digest_of(table.items()) == running


@given(rows, rows)
def test_different_tables_have_different_digests(one: dict[bytes, bytes], other: dict[bytes, bytes]) -> None:
    """A lost or a stale row has to show."""
    ours = {key: value for key, value in one.items() if key[:1] != b"\x00"}
    theirs = {key: value for key, value in other.items() if key[:1] != b"\x00"}
    assert (ours == theirs) == (digest_of(one.items()) == digest_of(other.items()))


def test_bytes_cannot_move_between_key_and_value() -> None:
    """Keys and values are both free bytes."""
    assert row_hash(b"ab", b"c") != row_hash(b"a", b"bc")


def test_the_checksum_sees_order_and_deletions() -> None:
    """A transaction with reordered or replaced records is another one."""
    assert checksum(checksum(0, b"a", b"1"), b"b", b"2") != checksum(checksum(0, b"b", b"2"), b"a", b"1")
    assert checksum(0, b"a", None) != checksum(0, b"a", b"")
