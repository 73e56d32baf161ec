"""Passwords are kept as salted hashes, in a file that only its owner reads."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

pytest.importorskip("gradio")

from inkgrad_demo.serving.passwords import UserFile, add_user, hashed, is_right, read_users


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


def test_what_editors_leave_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "users"
    lines = ["# the class", "", f"ada:{hashed('long enough')}", f"  李:{hashed('long enough')}  "]
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    assert list(read_users(file)) == ["ada", "李"]
    add_user(file, "bo", "long enough")
    assert list(read_users(file)) == ["ada", "李", "bo"]
    file.write_text(f"{lines[2]}\n{lines[3]}\nada:{hashed('another one')}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="users, line 3: another line for user ada"):
        read_users(file)
    file.write_text(lines[2], encoding="utf-16")
    with pytest.raises(ValueError, match="users: expected UTF-8 text"):
        read_users(file)


def test_a_file_may_change_and_be_wrong_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "users"
    with pytest.raises(OSError, match="users"):
        UserFile(file)
    add_user(file, "ada", "long enough")
    users = UserFile(file)
    with monkeypatch.context() as patched:
        patched.setattr("inkgrad_demo.serving.passwords.read_users", None)  # not for each login
        assert list(users()) == ["ada"]
    good = file.read_text()
    file.write_text(good + "bo:secret\n")
    assert list(users()) == list(users()) == ["ada"]
    assert capsys.readouterr().err.count("line 2: expected NAME:scrypt") == 1
    file.unlink()
    assert list(users()) == ["ada"]
    file.write_text(good)
    add_user(file, "bo", "long enough")
    assert list(users()) == ["ada", "bo"]
