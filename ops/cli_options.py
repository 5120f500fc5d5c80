"""What do all commands of the command line have in common: their options, how they print and how they fail?"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from ops.demo.errors import DemoError
from ops.errors import OpsError
from ops.stack.errors import StackError
from schemas.settings import Settings, SettingsError, parse_settings

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Directory that holds everything; MILLRACE_DATA_DIR.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]


def show(as_json: bool, value: Any, text: str) -> None:
    """Print what was found, for a program or for a person."""
    typer.echo(msgspec.json.encode(value).decode() if as_json else text)


@contextmanager
def settings_of(data_dir: Path | None) -> Iterator[Settings]:
    """The settings of the environment, of another data directory where one is named."""
    settings = parse_settings(os.environ)
    yield (
        settings if data_dir is None else msgspec.structs.replace(settings, data_dir=str(data_dir.resolve()))
    )


@contextmanager
def told(as_json: bool) -> Iterator[None]:
    """Errors a person can mend are one line and exit code 1; anything else is a bug and keeps its trace."""
    from confluent_kafka import KafkaException

    try:
        yield
    except (StackError, SettingsError, OpsError, DemoError, KafkaException) as error:
        text = str(error)
        typer.echo(
            msgspec.json.encode({"error": text}).decode() if as_json else f"error: {text}", err=not as_json
        )
        raise typer.Exit(1) from error
