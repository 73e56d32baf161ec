"""Users and their passwords, hashed with scrypt, in a file that a teacher keeps.

A line per user: ``name:scrypt:N:r:p:salt:hash``, salt and hash in base64.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import sys
from functools import cache
from pathlib import Path

from inkgrad.course.files import write_atomically

MIN_PASSWORD = 8
# 16 MB and some 40 ms for each guess (RFC 7914, section 2).
_N, _R, _P = 2**14, 8, 1
_MAX_MEMORY = 64 * 2**20


def hashed(password: str) -> str:
    """Return the salted hash of a password."""
    salt = secrets.token_bytes(16)
    parts = (_encoded(salt), _encoded(_scrypt(password, salt, _N, _R, _P)))
    return ":".join(("scrypt", str(_N), str(_R), str(_P), *parts))


@cache
def _nobody() -> str:
    """As slow to check as that of a user, so that the time does not tell which names exist."""
    return hashed(secrets.token_hex())


def is_right(password: str, users: dict[str, str], name: str) -> bool:
    """Whether ``name`` is one of the users, whose hashes are given, and has this password."""
    _, n, r, p, salt, expected = users.get(name, _nobody()).split(":")
    got = _scrypt(password, base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(got, base64.b64decode(expected)) and name in users


def read_users(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return the hashes by name. OSError if the file cannot be read, ValueError for a bad line."""
    users: dict[str, str] = {}
    lines = _lines(path)
    for number, line in enumerate(lines, start=1):
        name, _, hash = line.strip().partition(":")
        if not name or name.startswith("#"):
            continue
        try:
            kind, n, r, p, salt, expected = hash.split(":")
            _scrypt("", base64.b64decode(salt, validate=True), int(n), int(r), int(p))
            base64.b64decode(expected, validate=True)
        except ValueError:
            kind = ""
        if kind != "scrypt":
            raise ValueError(f"{path}, line {number}: expected NAME:scrypt:...; see --add-user")
        if name in users:
            raise ValueError(f"{path}, line {number}: another line for user {name}")
        users[name] = hash
    return users


class UserFile:
    """The users in a file, as of when it was last right: it may be edited while a class works."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._version = self._current_version()
        self._users = read_users(path)

    def __call__(self) -> dict[str, str]:
        """Return the hashes by name. What is wrong with a changed file is printed once."""
        version = self._current_version()
        if version != self._version:
            try:
                self._users = read_users(self._path)
            except (OSError, ValueError) as error:
                print(f"The users stay as they were: {error}", file=sys.stderr)
            self._version = version
        return self._users

    def _current_version(self) -> tuple[int, ...]:
        try:
            found = os.stat(self._path)
        except OSError:
            return ()
        return found.st_ino, found.st_size, found.st_mtime_ns


def add_user(path: str | os.PathLike[str], name: str, password: str) -> None:
    """Add a user to the file, or change the password of one.

    ValueError for a name or a password that is not allowed, OSError if the file cannot be written.
    """
    check_name(name)
    if len(password) < MIN_PASSWORD:
        raise ValueError(f"password: expected at least {MIN_PASSWORD} characters")
    lines = _lines(path) if os.path.exists(path) else []
    kept = [line for line in lines if line.strip().partition(":")[0] != name]
    text = "\n".join([*kept, f"{name}:{hashed(password)}", ""])
    write_atomically(path, text.encode())
    os.chmod(path, 0o600)


def _lines(path: str | os.PathLike[str]) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path}: expected UTF-8 text") from None


def check_name(name: str) -> None:
    """Raise ValueError unless ``name`` can be a user's."""
    if not name or ":" in name or name.startswith("#") or name != name.strip():
        raise ValueError(f"user: expected a name without colons and spaces around it, got {name!r}")


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MAX_MEMORY)


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
