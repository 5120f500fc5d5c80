"""Can a reader tell whose line is whose?"""

import io

from rich.console import Console

from ops.stack.terminal import Multiplexer


def test_names_the_writer_and_shows_the_line_as_it_is() -> None:
    """A log line with brackets or escape codes must not paint or hide anything."""
    written = io.StringIO()
    echo = Multiplexer(("kafka", "postgres"), Console(file=written, width=40))
    echo("kafka", "[bold]started[/bold] \x1b[2J" + "x" * 60)
    assert "kafka    [bold]started[/bold] [2J" + "x" * 60 + "\n" == written.getvalue()
