"""How do the logs of many processes read in one terminal: each line behind the name of who wrote it."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

_COLOURS: Final = (
    "cyan",
    "magenta",
    "green",
    "yellow",
    "blue",
    "bright_cyan",
    "bright_magenta",
    "bright_green",
)


class Multiplexer:
    """Writes the lines of several roles to a console, each role in its colour; plain where there is none."""

    def __init__(self, roles: Sequence[str], console: Console) -> None:
        self._console = console
        self._width = max(map(len, roles), default=0)
        self._colours = {role: _COLOURS[place % len(_COLOURS)] for place, role in enumerate(roles)}

    def __call__(self, role: str, line: str) -> None:
        """Write one line of one role."""
        text = Text(f"{role:<{self._width}} ", style=self._colours.get(role, "white"))
        # The line is shown as it is: markup or escape codes in it are not obeyed.
        text.append(line.replace("\x1b", ""), style="default")
        self._console.print(text, soft_wrap=True, highlight=False)
