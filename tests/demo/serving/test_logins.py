"""Whoever guesses passwords waits; others, at other addresses, do not."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("gradio")

from fastapi import HTTPException

from inkgrad_demo.serving import visitors
from inkgrad_demo.serving.logins import FREE_GUESSES, Backoff, Logins
from inkgrad_demo.serving.passwords import hashed


def test_the_wait_doubles_and_ends_with_a_success() -> None:
    now = 100.0
    backoff = Backoff(free=2, now=lambda: now)
    waits = []
    for _ in range(5):
        backoff.failed("ada")
        waits.append(backoff.seconds_left("ada"))
    assert waits == [0, 0, 1, 2, 4]
    now += 3
    assert backoff.seconds_left("ada") == 1
    assert backoff.seconds_left("bo") == 0
    for _ in range(50):
        backoff.failed("ada")
    assert backoff.seconds_left("ada") == 300
    backoff.succeeded("ada")
    assert backoff.seconds_left("ada") == 0


def test_guesses_of_one_user_from_one_address_have_to_wait() -> None:
    async def guess() -> None:
        logins = Logins(lambda: {"ada": hash, "bo": hash})
        visitors._address.set("192.0.2.1")
        assert not any([await logins.check("ada", "wrong") for _ in range(FREE_GUESSES + 1)])
        with pytest.raises(HTTPException) as refused:
            await logins.check("ada", "the right one")
        assert refused.value.status_code == 429
        assert refused.value.headers == {"Retry-After": "1"}
        assert await logins.check("bo", "the right one")
        visitors._address.set("192.0.2.2")
        assert await logins.check("ada", "the right one")

    hash = hashed("the right one")
    asyncio.run(guess())


def test_guesses_at_once_have_to_wait_too() -> None:
    async def guess() -> list[object]:
        logins = Logins(lambda: {})
        guesses = (logins.check("ada", str(number)) for number in range(20))
        return await asyncio.gather(*guesses, return_exceptions=True)

    answers = asyncio.run(guess())
    assert answers.count(False) == FREE_GUESSES + 1
    assert all(isinstance(each, HTTPException) for each in answers if each is not False)
