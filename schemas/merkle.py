"""What is a Merkle tree over a growing log: roots, proofs, and how they are checked (RFC 6962, section 2.1).

A leaf's hash is SHA-256(0x00, leaf), a node's SHA-256(0x01, left, right). A tree over n leaves has the
largest power of two below n on its left. Hashes are 32 bytes.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

EMPTY_ROOT: Final = sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node."""
    return sha256(b"\1" + left + right).digest()


class Tree:
    """A tree that grows. Keeps the hashes of whole subtrees; `forget` leaves what growing needs.

    frontier: of a tree met before, the hashes of its largest whole subtrees from left to right.
    """

    def __init__(self, size: int = 0, frontier: Sequence[bytes] = ()) -> None:
        self.size = 0
        self._whole: dict[tuple[int, int], bytes] = {}
        for level in _levels(size):
            self._whole[level, self.size >> level] = frontier[len(self._whole)]
            self.size += 1 << level
        assert self.size == size, f"{len(frontier)} subtrees do not make a tree of {size}"

    def append(self, leaf: bytes) -> None:
        """Add a leaf at the end."""
        level, index, whole = 0, self.size, leaf_hash(leaf)
        self._whole[level, index] = whole
        while index & 1:
            whole = node_hash(self._whole[level, index - 1], whole)
            level, index = level + 1, index >> 1
            self._whole[level, index] = whole
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves; that of no leaves is the hash of nothing."""
        return self._hash(0, self.size) if self.size else EMPTY_ROOT

    def frontier(self) -> list[bytes]:
        """The hashes of the largest whole subtrees, from left to right: all that growing needs."""
        found, start = [], 0
        for level in _levels(self.size):
            found.append(self._whole[level, start >> level])
            start += 1 << level
        return found

    def forget(self) -> None:
        """Keep no more than the frontier; proofs from sizes of now on remain possible."""
        kept, start = {}, 0
        for level in _levels(self.size):
            kept[level, start >> level] = self._whole[level, start >> level]
            start += 1 << level
        self._whole = kept

    def inclusion(self, index: int) -> list[bytes]:
        """The proof that leaf `index` (0..size-1) is in the tree."""
        return self._inclusion(index, 0, self.size)

    def consistency(self, before: int) -> list[bytes]:
        """The proof that the tree of the first `before` (0..size) leaves is the beginning of this one."""
        return [] if before in (0, self.size) else self._consistency(before, 0, self.size, True)

    def _inclusion(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + _left(end - start)
        if index < middle:
            return [*self._inclusion(index, start, middle), self._hash(middle, end)]
        return [*self._inclusion(index, middle, end), self._hash(start, middle)]

    def _consistency(self, before: int, start: int, end: int, is_whole: bool) -> list[bytes]:
        if before == end:
            return [] if is_whole else [self._hash(start, end)]
        middle = start + _left(end - start)
        if before <= middle:
            return [*self._consistency(before, start, middle, is_whole), self._hash(middle, end)]
        return [*self._consistency(before, middle, end, False), self._hash(start, middle)]

    def _hash(self, start: int, end: int) -> bytes:
        size = end - start
        level = size.bit_length() - 1
        if size == 1 << level and start % size == 0:
            return self._whole[level, start >> level]
        middle = start + _left(size)
        return node_hash(self._hash(start, middle), self._hash(middle, end))


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over these leaves."""
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows that the leaf is number `index` of a tree of this size and root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf_hash(leaf)
    for part in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(part, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, part)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(before: int, size: int, proof: Sequence[bytes], root_before: bytes, root: bytes) -> bool:
    """Whether the proof shows that a tree of `before` leaves is the beginning of one of `size` (RFC 9162, 2.1.4.2)."""
    if before == size:
        return not proof and root_before == root
    if before == 0:
        return not proof and root_before == EMPTY_ROOT
    parts = list(proof) if before & (before - 1) else [root_before, *proof]
    if not 0 < before < size or not parts:
        return False
    at, last = before - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = parts[0]
    for part in parts[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node_hash(part, first), node_hash(part, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, part)
        at, last = at >> 1, last >> 1
    return last == 0 and first == root_before and second == root


def _levels(size: int) -> list[int]:
    """The sizes of the whole subtrees of a tree, as powers of two, from left to right."""
    return [level for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1]


def _left(size: int) -> int:
    """The largest power of two below a size above one."""
    return 1 << (size - 1).bit_length() - 1
