"""What may a script rely on that calls `millrace` while nothing runs: options, exit codes, one line of error?"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from connectors.psp.simulator.tokens import TEST_TOKENS
from ops import cli
from ops.stack.directory import MARKER
from schemas.topics import ALL

ROOT = Path(__file__).parents[2]
NEEDS_A_PLATFORM = (
    ("status",),
    ("verify",),
    ("merchants", "create"),
    ("operators", "create", "--name", "Ada"),
    ("explain", "pay_1"),
    ("topics", "tail", "payments.events.v1"),
    ("topics", "grep", "payments.events.v1", "pay_"),
    ("quarantine", "payments.events.v1:0:0", "--reason", "unreadable"),
    ("rules", "show"),
    ("rules", "deploy", "rules.yaml", "--reason", "fewer stolen cards"),
)


@pytest.fixture(autouse=True)
def _no_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine that tests has set is not what is tested."""
    for name in [name for name in os.environ if name.startswith("MILLRACE_")]:
        monkeypatch.delenv(name)


def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command in this process."""
    ended = CliRunner().invoke(cli.app, arguments, env=environment)
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return ended.exit_code, ended.stdout, ended.stderr


def shown(*arguments: str, code: int = 0, **environment: str) -> Any:
    """The one JSON value a command prints, which must be all it prints."""
    ended, output, errors = run(*arguments, "--json", **environment)
    assert (code, "") == (ended, errors), output
    assert 1 == len(output.splitlines())
    return json.loads(output)


def _commands(group: TyperGroup, *path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(command, *path, name)
        else:
            yield " ".join((*path, name)), command


def test_every_command_takes_a_data_directory_and_prints_json() -> None:
    """A tool that knows one command knows them all."""
    group = typer.main.get_command(cli.app)
    assert isinstance(group, TyperGroup)
    for name, command in _commands(group):
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--data-dir", "--json"} <= options, name
        assert command.help, name


@pytest.mark.parametrize("arguments", NEEDS_A_PLATFORM, ids=" ".join)
def test_where_nothing_runs_is_said_and_nothing_is_made(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """A typing error in --data-dir must neither look like a platform nor leave one behind."""
    unknown = tmp_path / "unknown"
    found = shown(*arguments, "--data-dir", str(unknown), code=1)
    assert f"nothing runs in {unknown}" in found["error"]
    assert f"millrace up --detach --data-dir {unknown}" in found["error"]
    code, output, errors = run(*arguments, "--data-dir", str(unknown))
    assert (1, "", f"error: {found['error']}\n") == (code, output, errors)
    assert not unknown.exists()


def test_stopping_what_does_not_run_is_no_mistake(tmp_path: Path) -> None:
    """A clean-up script may run twice."""
    assert {"was_running": False} == shown("down", "--data-dir", str(tmp_path))
    assert (0, "Nothing was running.\n", "") == run("down", "--data-dir", str(tmp_path))


@pytest.mark.parametrize("command", ["up", "status", "down", "verify", "demo"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MILLRACE_PARTITION", "2"),
        ("MILLRACE_PARTITIONS", "two"),
        ("MILLRACE_PARTITIONS", "0"),
        ("MILLRACE_API_PORT", "99999"),
        ("MILLRACE_CELL", "toolong"),
        ("MILLRACE_LOG_LEVEL", "loud"),
    ],
)
def test_a_bad_setting_is_named_before_anything_starts(
    command: str, name: str, value: str, tmp_path: Path
) -> None:
    """A misspelt limit that is silently ignored is found out in production."""
    data_dir = tmp_path / "data"
    found = shown(command, "--data-dir", str(data_dir), code=1, **{name: value})
    assert name in found["error"]
    assert not data_dir.exists()


@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_foreign_directory_is_left_alone(command: str, tmp_path: Path) -> None:
    """The platform may not spread its files over someone's home."""
    (tmp_path / "thesis.txt").write_text("years of work")
    found = shown(command, "--data-dir", str(tmp_path), code=1)
    assert MARKER in found["error"]
    assert ["thesis.txt"] == [path.name for path in tmp_path.iterdir()]


def test_a_stage_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    """A worker that runs nothing would look healthy."""
    found = shown("worker", "payment", "--data-dir", str(tmp_path), code=1)
    assert "no stage payment" in found["error"]
    assert "payments" in found["error"]


@pytest.mark.parametrize(
    "arguments",
    [("fly",), ("status", "--colour"), ("worker",), ("demo", "--payments", "0"), ("topics", "tail")],
    ids=" ".join,
)
def test_a_wrong_command_line_is_told_apart_from_a_failure(arguments: tuple[str, ...]) -> None:
    """2 says that the caller is wrong, 1 that what was asked does not hold."""
    code, output, errors = run(*arguments)
    assert (2, "") == (code, output)
    assert errors


def test_the_test_tokens_are_those_of_the_provider() -> None:
    """A merchant's tests are written from this list."""
    assert {token.token: token.meaning for token in TEST_TOKENS} == shown("testcards")
    code, text, _ = run("testcards")
    assert 0 == code
    assert [token.token for token in TEST_TOKENS] == [line.split()[0] for line in text.splitlines()]


def test_every_topic_is_listed_with_its_place() -> None:
    """An operator looks here for who writes and who reads."""
    listed = shown("topics", "list")
    assert [topic.name for topic in ALL] == [one["name"] for one in listed]
    assert all(set(one) == {"name", "key_domain", "writer", "readers"} for one in listed)
    code, text, _ = run("topics", "list")
    assert 0 == code
    assert all(one["name"] in text for one in listed)


def test_a_simulated_history_is_judged() -> None:
    """The seed is told back, so that a bad history can be played again."""
    assert {"seed": 5, "violations": []} == shown("simulate", "--seed", "5", "--payments", "3")
    assert (0, "seed 5: everything is right\n", "") == run("simulate", "--seed", "5", "--payments", "3")


def test_a_violation_in_a_simulated_history_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search over seeds stops at the exit code."""
    monkeypatch.setattr("ops.simulation.oracle.violations", lambda _: ["money was lost"])
    found = shown("simulate", "--payments", "1", code=1)
    assert ["money was lost"] == found["violations"]
    assert (1, "money was lost\n") == run("simulate", "--payments", "1")[:2]


def test_the_installed_command_is_this_one(tmp_path: Path) -> None:
    """What `make` installs must start from any directory."""
    command = [str(Path(sys.executable).with_name("millrace")), "down", "--json"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_")}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert {"was_running": False} == json.loads(ended.stdout)
    assert [] == list(tmp_path.iterdir())
