"""How does a child process die with its parent: a program that binds itself and becomes the real one.

`python leash.py PARENT USER COMMAND...` asks the kernel to kill this process when PARENT dies, becomes
USER (a user id, or `-` for the present one), and executes COMMAND in its place. It runs before any
package is importable and leaves nothing behind, so it costs a few milliseconds and no memory.

It is a program and no function run between fork and exec because the parent may have threads, and only
exec is safe after their fork.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522
_ORPHANED = 75


def main(parent: int, user: int | None, command: list[str]) -> None:
    """Bind this process to `parent`, become `user`, and execute `command`. Returns never."""
    if user is not None:
        _become(user)
    # Changing the user clears the death signal, so it is asked for last.
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(_ORPHANED)
    os.execvp(command[0], command)  # noqa: S606  -- becoming the command is the purpose


def _become(user: int) -> None:
    """Drop root for `user`, keeping only the right to pass directories that root alone may enter.

    A server that refuses to run as root must still reach a data directory below root's home.
    """
    is_linux = sys.platform == "linux"
    if is_linux:
        _prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    if is_linux:
        _keep_passage()


def _keep_passage() -> None:
    mask = 1 << _CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # Two sets of (effective, permitted, inheritable), for the low and the high capabilities.
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    # A root that lacks this right itself cannot pass it on; the server then says what it cannot reach.
    if _libc().capset(header, sets) == 0:
        _libc().prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def _prctl(option: int, value: int) -> None:
    if _libc().prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value})")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), None if sys.argv[2] == "-" else int(sys.argv[2]), sys.argv[3:])
