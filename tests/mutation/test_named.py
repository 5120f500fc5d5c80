"""The list of named mistakes follows the code: each can still be made."""

import pytest

from tests.mutation.named import NAMED, Named


@pytest.mark.parametrize("one", NAMED, ids=lambda one: one.name)
def test_every_named_mistake_can_be_made(one: Named) -> None:
    """Whether it is caught is what `make mutate` finds out."""
    mutant = one.mutant()
    assert mutant.source != one.path.read_text()
    compile(mutant.source, one.file, "exec")
