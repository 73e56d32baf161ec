"""Passwords are kept as salted hashes, in a file that only its owner reads."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

pytest.importorskip("gradio")

from inkgrad_demo.serving.passwords import add_user, hashed, is_right, read_users


def test_users_are_added_changed_and_checked(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text("# the class\n")
    add_user(file, "ada", "first password")
    add_user(file, "bo", "päßword: 密码")
    add_user(file, "ada", "second password")
    users = read_users(file)
    assert list(users) == ["bo", "ada"]
    assert is_right("second password", users, "ada")
    assert not is_right("first password", users, "ada")
    assert is_right("päßword: 密码", users, "bo")
    assert not is_right("second password", users, "carl")
    assert "password" not in file.read_text()
    assert file.read_text().startswith("# the class\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_equal_passwords_have_different_hashes() -> None:
    assert hashed("the same one") != hashed("the same one")


@pytest.mark.parametrize(
    ("name", "password", "error"),
    [
        ("", "long enough", "user: expected a name"),
        ("a:b", "long enough", "user: expected a name"),
        (" a", "long enough", "user: expected a name"),
        ("ada", "short", "password: expected at least 8 characters"),
    ],
)
def test_what_is_refused(tmp_path: Path, name: str, password: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        add_user(tmp_path / "users", name, password)
    assert not (tmp_path / "users").exists()


@pytest.mark.parametrize(
    "line", ["ada:secret", "ada", "ada:scrypt:3:8:1:YQ==:YQ==", "a:md5:1:1:1:a:b"]
)
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "users"
    file.write_text(f"\n{line}\n")
    with pytest.raises(ValueError, match="users, line 2: expected NAME:scrypt"):
        read_users(file)
