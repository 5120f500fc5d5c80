"""Are free and taken ports told apart?"""

import socket

import pytest

from ops.stack.errors import PortTaken
from ops.stack.ports import LOOPBACK, free_port, is_free, is_open, require_free


def test_a_free_port_lies_below_those_of_outgoing_connections() -> None:
    """A port of the kernel's range could be lost to any client while its server restarts."""
    assert 20_000 <= free_port() < 32_768


def test_names_every_taken_port() -> None:
    """An operator should mend all of them at once."""
    with socket.socket() as one, socket.socket() as other:
        taken = {}
        for name, listener in (("api", one), ("kafka", other)):
            listener.bind((LOOPBACK, free_port()))
            listener.listen()
            taken[name] = listener.getsockname()[1]
        assert is_open(taken["api"])
        assert not is_free(taken["api"])
        with pytest.raises(PortTaken, match=f"api {taken['api']}, kafka {taken['kafka']}"):
            require_free(taken | {"free": free_port()})
