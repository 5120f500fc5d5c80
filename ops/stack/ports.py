"""Which local ports may we listen on?"""

import random
import socket
from collections.abc import Mapping

from ops.stack.errors import PortTaken

LOOPBACK = "127.0.0.1"
# Below the range from which the kernel draws the ports of outgoing connections: a port drawn from that
# range can be lost to such a connection while its owner restarts, and a client that keeps dialling it on
# the loopback can even connect to itself.
_LOWEST, _HIGHEST = 20_000, 30_000
_ATTEMPTS = 200


def free_port() -> int:
    """A port of the loopback on which nobody listens now, and which survives restarts of its owner.

    Raises PortTaken when none was found.
    """
    draw = random.SystemRandom()
    for _ in range(_ATTEMPTS):
        port = draw.randrange(_LOWEST, _HIGHEST)
        if is_free(port):
            return port
    raise PortTaken(f"no free port between {_LOWEST} and {_HIGHEST} on {LOOPBACK}; stop other servers there")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback now."""
    with socket.socket() as listener:
        # Connections of a server that just ended linger in TIME_WAIT; they must not look like a server.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def is_open(port: int, *, timeout_s: float = 0.5) -> bool:
    """Whether somebody accepts connections on this port of the loopback."""
    try:
        socket.create_connection((LOOPBACK, port), timeout_s).close()
    except OSError:
        return False
    return True


def require_free(ports: Mapping[str, int]) -> None:
    """Check that every named port can be listened on.

    Raises PortTaken naming all that cannot.
    """
    taken = [f"{name} {port}" for name, port in ports.items() if not is_free(port)]
    if taken:
        raise PortTaken(
            f"already in use on {LOOPBACK}: {', '.join(taken)}; stop what listens there or choose other ports"
        )
