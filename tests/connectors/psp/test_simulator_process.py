"""Does the provider's process start, survive kill -9 and end as its entry point promises?"""

import asyncio
import os
import resource
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

START_TIMEOUT_S = 30
ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def process(
    book: Path, *arguments: str, port: int = 0, preexec: Callable[[], None] | None = None
) -> AsyncIterator[Process]:
    """The provider as a process; killed at the end where it is still there."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-W", "error", "-m", "connectors.psp.simulator", "--port", str(port), "--book", str(book)),
        *arguments,
        stderr=PIPE,
        cwd=ROOT,
        # A process with a limit on file sizes would leave truncated bytecode behind for everyone.
        env={"PATH": os.environ["PATH"], "CALLBACK_SECRET": "whsec", "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=preexec,
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def url_of(started: Process) -> str:
    """The address of a provider, once it serves."""
    assert started.stderr is not None
    async with asyncio.timeout(START_TIMEOUT_S):
        ready = msgspec.json.decode(await started.stderr.readline())
    assert ready["event"] == "provider_ready", ready
    return str(ready["url"])


async def sell(session: aiohttp.ClientSession, url: str, key: str) -> tuple[int, dict[str, Any]]:
    body = {"operation": "sale", "payment_reference": "pay_1", "amount_minor": 5, "currency": "EUR"}
    body |= {"payment_method": {"type": "card", "token": "tok_visa"}}
    headers = {"Idempotency-Key": key}
    async with session.post(f"{url}/v1/operations", json=body, headers=headers) as response:
        return response.status, await response.json()


async def sell_until_silence(session: aiohttp.ClientSession, url: str) -> int:
    """How many sales were answered before the provider stopped answering."""
    for number in range(100):
        try:
            await sell(session, url, f"k{number}")
        except aiohttp.ClientError:
            return number
    raise AssertionError("the provider went on for ever")


async def effect_keys(session: aiohttp.ClientSession, url: str) -> list[str]:
    async with session.get(f"{url}/_simulator/effects") as response:
        return [effect["idempotency_key"] for effect in await response.json()]


async def test_kill_9_under_load_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """Whatever a caller was told must be in the book after the crash, exactly once, torn line or not."""
    book, answered = tmp_path / "book", set[str]()
    enough = asyncio.Event()

    async def keep_selling(session: aiohttp.ClientSession, url: str, seller: int) -> None:
        for number in range(100_000):
            key = f"{seller}-{number}"
            try:
                status, _ = await sell(session, url, key)
            except aiohttp.ClientError:
                return
            assert status == 200
            answered.add(key)
            if len(answered) >= 300:
                enough.set()

    async with aiohttp.ClientSession() as session:
        async with process(book) as first:
            url = await url_of(first)
            sellers = [asyncio.create_task(keep_selling(session, url, seller)) for seller in range(16)]
            async with asyncio.timeout(START_TIMEOUT_S):
                await enough.wait()
            first.kill()
            await asyncio.gather(*sellers)
        with book.open("ab") as file:
            file.write(b'{"entry":"operation","provider_ref":"op_to')
        async with process(book) as second:
            url = await url_of(second)
            keys = await effect_keys(session, url)
            assert answered <= set(keys)
            assert len(keys) == len(set(keys))
            repeated = min(answered)
            assert (await sell(session, url, repeated))[0] == 200
            assert keys == await effect_keys(session, url)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly_with_a_call_hanging(tmp_path: Path, number: signal.Signals) -> None:
    """A supervisor that stops the provider must not wait for callers it keeps waiting."""
    async with AsyncExitStack() as stack:
        started = await stack.enter_async_context(process(tmp_path / "book", "--hang-s", "3600"))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        url = await url_of(started)
        faults = {"rates": {"timeout_after": 1}, "hang_s": 3600}
        async with session.put(f"{url}/_simulator/faults", json=faults) as response:
            assert response.status == 200
        hanging = asyncio.create_task(sell(session, url, "k"))
        async with asyncio.timeout(START_TIMEOUT_S):
            while await effect_keys(session, url) != ["k"]:
                continue
        started.send_signal(number)
        async with asyncio.timeout(10):
            assert await started.wait() == 0
        with pytest.raises(aiohttp.ClientError):
            await hanging


async def test_a_full_disk_ends_it_and_answers_nobody(tmp_path: Path) -> None:
    """What can not be written must not be answered; after the crash the book is whole again."""

    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))

    book = tmp_path / "book"
    async with aiohttp.ClientSession() as session:
        async with process(book, preexec=limit_files) as started:
            url = await url_of(started)
            answered = await sell_until_silence(session, url)
            async with asyncio.timeout(START_TIMEOUT_S):
                _, last_words = await started.communicate()
            assert started.returncode == 1
            assert b"provider_failed" in last_words
            assert b"File too large" in last_words
        async with process(book) as second:
            assert [f"k{number}" for number in range(answered)] == await effect_keys(
                session, await url_of(second)
            )


async def test_a_taken_port_and_a_damaged_book_are_named(tmp_path: Path) -> None:
    """Whoever starts it must see at once what to mend."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with process(tmp_path / "book", port=port) as started:
            _, said = await started.communicate()
            assert (started.returncode, str(port).encode() in said) == (1, True)
    (tmp_path / "damaged").write_bytes(b"no entry\n")
    async with process(tmp_path / "damaged") as started:
        _, said = await started.communicate()
        assert (started.returncode, b"line 1" in said) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--callback-url", "http://127.0.0.1:9/"], b"--callback-secret-env"),
        (["--api-key-env", "NOT_THERE"], b"NOT_THERE"),
        (["--key-memory-s", "-1"], b"--key-memory-s"),
        (["--hang-s", "long"], b"--hang-s"),
        (["--callbacks", "some"], b"--callbacks"),
    ],
)
async def test_bad_arguments_are_named(tmp_path: Path, arguments: list[str], named: bytes) -> None:
    """A provider that starts with half its settings would test something else."""
    async with process(tmp_path / "book", *arguments) as started:
        _, said = await started.communicate()
        assert (started.returncode, named in said) == (2, True), said


async def test_settings_reach_the_provider(tmp_path: Path) -> None:
    """Each argument must do what its help says."""
    arguments = ("--key-memory-s", "0", "--hang-s", "1", "--slow-s", "3", "--seed", "9")
    callbacks = ("--callback-url", "http://127.0.0.1:9/", "--callback-secret-env", "CALLBACK_SECRET")
    async with (
        process(tmp_path / "book", *arguments, *callbacks, "--callbacks", "all") as started,
        aiohttp.ClientSession() as session,
    ):
        url = await url_of(started)
        async with session.get(f"{url}/_simulator/faults") as response:
            shown = await response.json()
        assert [0, 1, 3, 9] == [shown[name] for name in ("key_memory_s", "hang_s", "slow_s", "seed")]


async def settle(session: aiohttp.ClientSession, url: str) -> list[dict[str, Any]]:
    async with session.post(f"{url}/_simulator/settlement") as response:
        assert response.status == 200, await response.text()
        return list((await response.json())["batches"])


async def test_kill_9_settles_nothing_twice(tmp_path: Path) -> None:
    """What a batch covers is in the book before its file is written."""
    inbox = tmp_path / "inbox"
    arguments = ("--settlement-dir", str(inbox), "--settlement-every-s", "0", "--provider-name", "acme")
    async with aiohttp.ClientSession() as session:
        async with process(tmp_path / "book", *arguments) as started:
            url = await url_of(started)
            await sell(session, url, "k1")
            assert [1] == [batch["line_count"] for batch in await settle(session, url)]
            started.send_signal(signal.SIGKILL)
            await started.wait()
        before = {path.name: path.read_bytes() for path in inbox.iterdir()}
        async with process(tmp_path / "book", *arguments) as started:
            url = await url_of(started)
            assert [] == await settle(session, url)
            await sell(session, url, "k2")
            assert [1] == [batch["line_count"] for batch in await settle(session, url)]
    after = {path.name: path.read_bytes() for path in inbox.iterdir()}
    assert before == {name: after[name] for name in before}
    assert 2 == len(after)
    assert all(b"acme" in content for content in after.values())
