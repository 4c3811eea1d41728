"""Names that nobody answers for hold up no other name."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import Counter

import pytest

from webhooks import names
from webhooks.guard import Guard, read_ranges


class Resolver:
    """Stands for the system's: `*.hangs.test` is answered only once it is `let` go, `none.test` does not exist."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.asked: Counter[str] = Counter()

    def getaddrinfo(self, host, port, **_wishes):
        self.asked[host] += 1
        if host.endswith(".hangs.test"):
            self.let.wait(20)
        if host == "none.test":
            time.sleep(0.05)
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def resolver(monkeypatch):
    it = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", it.getaddrinfo)
    yield it
    it.let.set()


@pytest.fixture
async def guard(resolver):
    it = Guard(read_ranges(["127.0.0.0/8"]))
    yield it
    resolver.let.set()
    await it.close()


def hanging(guard, count):
    return [asyncio.create_task(guard.resolve(f"{n}.hangs.test", 443)) for n in range(count)]


async def until(true):
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for happens in threads
            await asyncio.sleep(0.01)


async def found_promptly(guard):
    async with asyncio.timeout(1):
        return [one["host"] for one in await guard.resolve("fine.test", 443)]


async def test_a_hundred_names_that_hang_do_not_hold_up_another(guard, resolver):
    asked = hanging(guard, 100)
    await asyncio.sleep(0.1)
    assert await found_promptly(guard) == ["127.0.0.1"]
    await guard.check_url("https://also-fine.test/hook")
    resolver.let.set()
    assert len(await asyncio.gather(*asked)) == 100


async def test_names_known_to_hang_may_never_hold_all_the_threads(guard, resolver, monkeypatch):
    monkeypatch.setattr(names, "PROMPT", 0.1)
    count = names.MOST_THREADS + 50
    asked = hanging(guard, count)
    await until(lambda: resolver.asked.total() == names.MOST_THREADS)
    await asyncio.sleep(0.5)
    resolver.let.set()
    await asyncio.gather(*asked)
    resolver.let.clear()
    resolver.asked.clear()
    asked = hanging(guard, count)
    await until(lambda: resolver.asked.total() >= names.MOST_SLOW)
    await asyncio.sleep(0.5)
    assert resolver.asked.total() == names.MOST_SLOW
    assert await found_promptly(guard) == ["127.0.0.1"]
    resolver.let.set()
    await asyncio.gather(*asked)
    assert resolver.asked.total() == count + 1  # each had its turn


async def test_a_slow_name_that_is_found_promptly_again_is_slow_no_more(guard, resolver, monkeypatch):
    monkeypatch.setattr(names, "PROMPT", 0.1)
    many = names.MOST_SLOW + 10
    asked = hanging(guard, many)
    await asyncio.sleep(0.5)
    resolver.let.set()
    await asyncio.gather(*asked)
    monkeypatch.setattr(names, "PROMPT", 10)
    await asyncio.gather(*hanging(guard, many))
    resolver.let.clear()
    resolver.asked.clear()
    asked = hanging(guard, many)
    await until(lambda: resolver.asked.total() == many)
    resolver.let.set()
    await asyncio.gather(*asked)


async def test_a_name_is_looked_up_once_for_all_who_ask_at_the_same_time_even_if_the_first_gives_up(guard, resolver):
    first, *others = [asyncio.create_task(guard.resolve("1.hangs.test", 443)) for _ in range(16)]
    await asyncio.sleep(0.05)
    first.cancel()
    await asyncio.sleep(0.05)
    resolver.let.set()
    assert [found[0]["host"] for found in await asyncio.gather(*others)] == ["127.0.0.1"] * 15
    assert resolver.asked == {"1.hangs.test": 1}
    missing = await asyncio.gather(*(guard.resolve("none.test", 443) for _ in range(3)), return_exceptions=True)
    assert {getattr(one, "errno", None) for one in missing} == {socket.EAI_NONAME}
    assert resolver.asked["none.test"] == 1
    with pytest.raises(socket.gaierror):
        await guard.resolve("none.test", 443)
    assert resolver.asked["none.test"] == 2
