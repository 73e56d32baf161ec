"""What is told to people: English, with the same in every other language beside it.

A :class:`Message` is a text like any other to whoever raises it in an exception, says it or keeps
it in a record; a page that speaks another language finds that in ``texts``.
"""

from __future__ import annotations

from collections.abc import Mapping

from inkgrad.course.texts import CATALOGUES

ENGLISH = "en"


class Message(str):
    """The English text; ``texts`` has it in every language, by the language's code."""

    texts: dict[str, str]

    def __new__(cls, texts: Mapping[str, str]) -> Message:
        message = super().__new__(cls, texts[ENGLISH])
        message.texts = dict(texts)
        return message

    def __getnewargs__(self) -> tuple[dict[str, str]]:  # type: ignore[override]
        return (self.texts,)  # of a copy


def filled(catalogues: Mapping[str, Mapping[str, str]], key: str, **values: object) -> Message:
    """The text of that key with its values; those that are messages speak each language."""

    def said(value: object, language: str) -> object:
        return value.texts.get(language, value) if isinstance(value, Message) else value

    return Message(
        {
            language: catalogue[key].format(**{n: said(v, language) for n, v in values.items()})
            for language, catalogue in catalogues.items()
        }
    )


def message(key: str, **values: object) -> Message:
    """A text of the course's own catalogue."""
    return filled(CATALOGUES, key, **values)


def message_of(error: BaseException) -> str:
    """What an exception says: the Message that it was raised with, if there is one."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, Message) else str(error)
