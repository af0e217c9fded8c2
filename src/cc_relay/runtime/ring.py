"""The newest exchanges, kept so that somebody can ask why they went where they went."""

from __future__ import annotations

from collections import OrderedDict
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING

from cc_relay.exchange import Outcome

if TYPE_CHECKING:
    from cc_relay.exchange import Record

EVENTFUL = 1000
"""How many exchanges with a story are kept: failures, second attempts, refusals, waits."""

PLAIN = 200
"""How many others: few enough to stay in a processor's cache, since every request passes through here."""


class Ring:
    """Records by their id; of two with one id the newer. What went wrong is remembered for longer than what did not."""

    def __init__(self, eventful: int = EVENTFUL, plain: int = PLAIN) -> None:
        self.capacity = eventful + plain
        self._eventful: OrderedDict[str, Record] = OrderedDict()
        self._plain: OrderedDict[str, Record] = OrderedDict()
        self._most_eventful = eventful
        self._most_plain = plain

    def __repr__(self) -> str:
        return f"<Ring {len(self._eventful)} eventful, {len(self._plain)} plain>"

    def add(self, record: Record) -> None:
        """Hot path."""
        plain = self._plain
        if is_eventful(record):
            plain.pop(record.id, None)
            keep(self._eventful, record, self._most_eventful)
        else:
            if self._eventful:
                self._eventful.pop(record.id, None)
            keep(plain, record, self._most_plain)

    def find(self, id_: str) -> Record | None:
        return self._plain.get(id_) or self._eventful.get(id_)

    def newest(self, limit: int) -> list[Record]:
        shelves = (reversed(self._eventful.values()), reversed(self._plain.values()))
        return list(islice(merge(*shelves, key=lambda record: -record.ended_at), limit))


def is_eventful(record: Record) -> bool:
    """Whether anything happened that is worth telling."""
    if record.outcome is not Outcome.DELIVERED or len(record.attempts) != 1:
        return True
    trace = record.trace
    return trace is not None and bool(trace.declined or trace.waited)


def keep(shelf: OrderedDict[str, Record], record: Record, most: int) -> None:
    if record.id in shelf:
        del shelf[record.id]
    shelf[record.id] = record
    if len(shelf) > most:
        shelf.popitem(last=False)
