"""The order of waiting: people take turns, so that one with many requests holds up nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Generic, TypeVar

from inkgrad_demo.texts import message

T = TypeVar("T")

MAX_WAITING = 100
MAX_WAITING_OF_PERSON = 8
# The turns of as many people are remembered.
_MAX_PEOPLE = 1000


class LineFull(ValueError):
    """Too many are waiting, or too many of one person."""


class WaitingLine(Generic[T]):
    """Items that wait, each for a person. Not thread-safe.

    The next item is that of the person with the fewest running ones; among these, of the one whose
    last turn is longest ago. The items of one person keep their order.
    """

    def __init__(self) -> None:
        self._items: list[tuple[str, T]] = []
        self._turns: dict[str, int] = {}  # the number of each person's last turn
        self._count = 0

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item: T) -> bool:
        return any(each == item for _, each in self._items)

    def add(self, person: str, item: T) -> None:
        """Append an item. Raises LineFull."""
        waiting = sum(each == person for each, _ in self._items)
        if waiting >= MAX_WAITING_OF_PERSON:
            raise LineFull(message("problem.busy_yours", waiting=waiting))
        if len(self) >= MAX_WAITING:
            raise LineFull(message("problem.busy", waiting=len(self)))
        self._items.append((person, item))

    def remove(self, item: T) -> None:
        self._items = [each for each in self._items if each[1] != item]

    def take(self, item: T) -> None:
        """Remove an item whose turn has come."""
        person = next(person for person, each in self._items if each == item)
        self.remove(item)
        self._count += 1
        self._turns.pop(person, None)
        self._turns[person] = self._count
        if len(self._turns) > _MAX_PEOPLE:
            del self._turns[next(iter(self._turns))]

    def order(self, running: Iterable[str] = ()) -> list[T]:
        """The items in the order in which they are next; ``running`` are the persons of those that
        run, each as often as it has some.
        """
        counts, turns = Counter(running), dict(self._turns)
        left, order = list(self._items), []
        while left:
            person, item = one = min(
                left, key=lambda each: (counts[each[0]], turns.get(each[0], 0))
            )
            left.remove(one)
            order.append(item)
            counts[person] += 1
            turns[person] = self._count + len(order)
        return order
