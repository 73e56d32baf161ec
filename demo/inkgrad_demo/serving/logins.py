"""Checking logins: who guesses passwords has to wait longer and longer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import anyio.to_thread
from fastapi import HTTPException

from inkgrad_demo.serving import visitors
from inkgrad_demo.serving.passwords import is_right

# Wrong guesses without a wait: for one user, and for all users, from one address, which a class may
# share.
FREE_GUESSES = 4
FREE_GUESSES_OF_ADDRESS = 40
MAX_WAIT = 300.0
"""Seconds from one guess to the next, at most."""
_MAX_KEYS = 10_000
_MAX_CHECKS = 2  # at once: each takes 16 MB


class Backoff:
    """The time that each key has to wait: it doubles with every failure after the free ones."""

    def __init__(self, free: int, now: Callable[[], float] = time.monotonic) -> None:
        self._free = free
        self._now = now
        self._failures: dict[str, tuple[int, float]] = {}  # how many, and the time of the last

    def seconds_left(self, key: str) -> float:
        count, last = self._failures.get(key, (0, 0.0))
        if count <= self._free:
            return 0.0
        wait = min(MAX_WAIT, 2.0 ** min(count - self._free - 1, 20))
        return max(0.0, last + wait - self._now())

    def failed(self, key: str) -> None:
        count, _ = self._failures.pop(key, (0, 0.0))
        self._failures[key] = count + 1, self._now()
        if len(self._failures) > _MAX_KEYS:
            del self._failures[next(iter(self._failures))]  # the one that failed longest ago

    def succeeded(self, key: str) -> None:
        self._failures.pop(key, None)


class Logins:
    """Checks logins against the hashes that ``users()`` returns by name."""

    def __init__(self, users: Callable[[], dict[str, str]]) -> None:
        self._users = users
        self._of_user = Backoff(FREE_GUESSES)
        self._of_address = Backoff(FREE_GUESSES_OF_ADDRESS)
        self._checks = asyncio.Semaphore(_MAX_CHECKS)

    async def check(self, name: str, password: str) -> bool:
        """Whether the login is right. HTTPException 429 if it has to wait."""
        address = visitors.address()
        key = f"{name[:200]}@{address}"
        wait = max(self._of_user.seconds_left(key), self._of_address.seconds_left(address))
        if wait > 0:
            seconds = str(int(wait) + 1)
            text = f"Too many wrong passwords: wait {seconds} s."
            raise HTTPException(429, text, headers={"Retry-After": seconds})
        # Counted before the check, which takes a while: guesses at once do not evade the wait.
        self._of_user.failed(key)
        self._of_address.failed(address)
        async with self._checks:
            good = await anyio.to_thread.run_sync(
                lambda: is_right(password[:1000], self._users(), name)
            )
        if good:
            self._of_user.succeeded(key)
            self._of_address.succeeded(address)
        return good
