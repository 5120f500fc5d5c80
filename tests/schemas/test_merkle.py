"""Trees and proofs are those of RFC 6962: by known roots, and by laws over every size."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.merkle import EMPTY_ROOT, Tree, is_consistent, is_included, leaf_hash, node_hash, root_of

# The leaves and roots with which implementations of Certificate Transparency are tested.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize("size", ROOTS)
def test_known_roots(size: int) -> None:
    """The same root as every other implementation has."""
    assert ROOTS[size] == root_of(LEAVES[:size]).hex()


def test_hashes_of_leaves_and_nodes_differ() -> None:
    """A node can never be shown as a leaf."""
    assert sha256(b"\0ab").digest() == leaf_hash(b"ab")
    assert leaf_hash(b"ab") != node_hash(b"a", b"b")


def _tree(size: int) -> Tree:
    tree = Tree()
    for number in range(size):
        tree.append(str(number).encode())
    return tree


@given(st.integers(1, 130), st.data())
def test_every_leaf_is_proved_and_nothing_else(size: int, data: st.DataObject) -> None:
    """Another leaf, place, root or a shortened proof does not pass."""
    tree, index = _tree(size), data.draw(st.integers(0, size - 1))
    leaf, proof, root = str(index).encode(), tree.inclusion(index), tree.root()
    assert is_included(leaf, index, size, proof, root)
    assert not is_included(leaf + b"x", index, size, proof, root)
    assert not is_included(leaf, index, size, proof, EMPTY_ROOT)
    assert not is_included(leaf, size, size, proof, root)
    assert not proof or not is_included(leaf, index, size, proof[:-1], root)
    assert not is_included(leaf, index, size, [*proof, root], root)


@given(st.integers(0, 130), st.data())
def test_a_tree_is_the_beginning_of_a_later_one(size: int, data: st.DataObject) -> None:
    """And of no other: one changed leaf in the beginning is seen."""
    before = data.draw(st.integers(0, size))
    early, late = _tree(before), _tree(size)
    proof = late.consistency(before)
    assert is_consistent(before, size, proof, early.root(), late.root())
    if before:
        forged = Tree()
        for number in range(before):
            forged.append(str(number if number else "x").encode())
        assert not is_consistent(before, size, proof, forged.root(), late.root())


@given(st.integers(0, 130), st.integers(0, 40))
def test_a_frontier_is_enough_to_go_on(size: int, more: int) -> None:
    """After a restart: the same roots, frontiers and proofs, from a handful of hashes."""
    whole = _tree(size + more)
    resumed = Tree(size, _tree(size).frontier())
    for number in range(size, size + more):
        resumed.append(str(number).encode())
    assert (whole.root(), whole.frontier()) == (resumed.root(), resumed.frontier())
    assert whole.consistency(size) == resumed.consistency(size)
    resumed.forget()
    assert whole.root() == resumed.root()
