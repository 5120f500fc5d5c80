"""Has this process polled so recently that nobody else can have its partitions yet?"""

import time
from collections.abc import Callable

from connectors.runtime import OwnershipLost


class Membership:
    """Measures the silence towards the group while partitions are held.

    A process that was silent for half the session timeout may be suspended again for the other half
    at any moment, so from then on it must begin no call.
    """

    def __init__(self, session_timeout_ms: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        self.longest_silence_s = session_timeout_ms / 2000
        self._clock_s = clock_s
        self._heard_s: float | None = None

    def begin(self) -> None:
        """The group has just given us partitions."""
        self._heard_s = self._clock_s()

    def end(self) -> None:
        """Nothing is held any more, so there is nothing to lose."""
        self._heard_s = None

    def renew(self) -> None:
        """A poll returned. Raises OwnershipLost if it came too late: nothing it says restores the membership."""
        if self._heard_s is not None:
            self.confirm()
            self._heard_s = self._clock_s()

    def confirm(self) -> None:
        """Raises OwnershipLost unless partitions are held and the last poll is recent enough."""
        heard_s = self._heard_s
        silence_s = float("inf") if heard_s is None else self._clock_s() - heard_s
        if silence_s >= self.longest_silence_s:
            raise OwnershipLost(
                f"no poll for {silence_s:.1f} s, at most {self.longest_silence_s:.1f} s are safe; "
                "another process may have the partitions"
            )
