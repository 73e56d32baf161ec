"""Messages for users, in English and in every other language.

A :class:`Message` is an English string wherever it is raised, printed or stored; a page in another
language finds the translation in ``texts``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inkgrad.course.texts import CATALOGUES, fill

ENGLISH = "en"


class Message(str):
    """The English text; ``texts`` maps language codes to the text in every language."""

    texts: dict[str, str]

    def __new__(cls, texts: Mapping[str, str]) -> Message:
        message = super().__new__(cls, texts[ENGLISH])
        message.texts = dict(texts)
        return message

    def __getnewargs__(self) -> tuple[dict[str, str]]:  # type: ignore[override]
        return (self.texts,)  # for copying


def translated(catalogues: Mapping[str, Mapping[str, str]], key: str, **values: object) -> Message:
    """The text of ``key`` with values filled in; values that are messages are translated, too."""

    def in_language(value: object, language: str) -> object:
        return value.texts.get(language, value) if isinstance(value, Message) else value

    return Message(
        {
            language: fill(
                catalogue[key],
                {name: in_language(value, language) for name, value in values.items()},
            )
            for language, catalogue in catalogues.items()
        }
    )


def message(key: str, **values: object) -> Message:
    """A message of the course's own catalogue."""
    return translated(CATALOGUES, key, **values)


def joined(parts: Sequence[str], separator: str) -> Message:
    """The parts, messages or not, one after another."""
    return Message(
        {
            language: separator.join(
                part.texts[language] if isinstance(part, Message) else part for part in parts
            )
            for language in CATALOGUES
        }
    )


def message_of(error: BaseException) -> str:
    """The Message that an exception was raised with; if there is none, its text."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, Message) else str(error)
