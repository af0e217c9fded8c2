"""The newest exchanges, kept so that somebody can ask why they went where they went."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cc_relay.exchange import Record

REMEMBERED = 1000
"""How many exchanges can be explained."""


class Ring:
    """The newest records by their id; of two with one id the newer."""

    def __init__(self, capacity: int = REMEMBERED) -> None:
        self.capacity = capacity
        self._records: OrderedDict[str, Record] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Ring {len(self._records)} of {self.capacity}>"

    def add(self, record: Record) -> None:
        """Hot path."""
        records = self._records
        records.pop(record.id, None)
        records[record.id] = record
        if len(records) > self.capacity:
            records.popitem(last=False)

    def find(self, id_: str) -> Record | None:
        return self._records.get(id_)

    def newest(self, limit: int) -> list[Record]:
        return [record for record, _ in zip(reversed(self._records.values()), range(limit), strict=False)]
