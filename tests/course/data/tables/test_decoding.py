"""Text in the encodings that spreadsheets write."""

from __future__ import annotations

import pytest

from inkgrad.course.data.tables import DataError
from inkgrad.course.data.tables.decoding import decode

GERMAN = "größe;müde\n1,5;äöüß\n"
CHINESE = "身高,体重,标签\n1,2,是\n"
TRADITIONAL = "身高,體重,標籤\n1,2,是\n2,3,否\n"
JAPANESE = "身長,体重,ラベル\n1,2,はい\n2,3,いいえ\n"
KOREAN = "키,몸무게,나이,성별,결과\n1,2,3,남,양성\n2,3,4,여,음성\n"
RUSSIAN = "Рост,Вес,Класс\n1,2,да\n2,3,нет\n"
FRENCH = "âge,élève,prénom,où\n1,2,3,reçu\n2,3,4,collé\n"


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        (GERMAN, "utf-8", "utf-8"),
        (GERMAN, "cp1252", "cp1252"),
        (GERMAN, "utf-16", "utf-16-le"),
        (GERMAN, "utf-16-be", "utf-16-be"),
        (GERMAN, "utf-32", "utf-32-le"),
        ("prix,5 €\n", "cp1252", "cp1252"),
        (CHINESE, "gbk", "gb18030"),
        (CHINESE, "utf-8-sig", "utf-8"),
        ("BMI值,年龄,性别\n1,2,男\n", "gbk", "gb18030"),
        ("年龄,体重,龋齿\n1,2,是\n3,4,否\n", "gbk", "gb18030"),
        (TRADITIONAL, "gbk", "gb18030"),
        (TRADITIONAL, "big5", "big5"),
        (JAPANESE, "cp932", "cp932"),
        (JAPANESE, "euc-jp", "euc-jp"),
        (KOREAN, "cp949", "cp949"),
        (RUSSIAN, "cp1251", "cp1251"),
        (FRENCH, "cp1252", "cp1252"),
        (FRENCH, "mac-roman", "mac-roman"),
        ("T (°C),it’s,µm,Âge,Ärger\n1,20 €,3,½,4\n", "cp1252", "cp1252"),
    ],
)
def test_the_encoding_is_found(text: str, encoding: str, found: str) -> None:
    assert decode(text.encode(encoding), "t") == (text, found)


def test_a_chosen_encoding_is_used_unless_there_is_a_mark() -> None:
    greek = "ύψος,ναι\n"
    assert decode(greek.encode("cp1253"), "t", "cp1253") == (greek, "cp1253")
    assert decode("女\n".encode("gbk"), "t") == ("Ů\n", "utf-8")  # valid in both
    assert decode("女\n".encode("gbk"), "t", "gb18030") == ("女\n", "gb18030")
    assert decode(greek.encode("utf-16"), "t", "cp1253") == (greek, "utf-16-le")


def test_invisible_characters_are_left_out() -> None:
    assert decode("a,\ufeffb\u200b\n".encode(), "t")[0] == "a,b\n"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"a,b\n1,\x002\n", r"t, row 2: a control character \(U\+0000\)"),
        (b"\x01\x02\x03", r"t, row 1: a control character \(U\+0001\)"),
        (b"\xef\xbb\xbfa,\xff\n", "t: not a text file: byte 5 cannot be decoded"),
        (b"\xff\xfea\x00b", "t: not a text file: byte 4 cannot be decoded"),
    ],
)
def test_what_is_no_text(content: bytes, error: str) -> None:
    with pytest.raises(DataError, match=error):
        decode(content, "t")
