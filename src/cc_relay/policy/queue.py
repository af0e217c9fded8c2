"""Who is next when every candidate is busy: sessions in turn, however much each of them asks for."""

from bisect import bisect_left, insort
from collections.abc import Callable
from heapq import heapify, heappop, heapreplace
from operator import attrgetter
from typing import Generic, TypeVar

T = TypeVar("T")

Head = tuple[int, bool, int, str]
"""A group's first place, as groups compare: the session's turn, is a sub-agent, number of arrival; and the group."""


class FairQueue(Generic[T]):
    """Items that wait, at most `max_size` (may be set at any time; 0: nobody waits).

    Sessions take turns; one that was served, and one that comes new, goes to the end of the round. Inside a session a
    main agent goes before its sub-agents, and then first in, first out. A group is what waits for the same thing: when
    its first item is refused, the others would be refused too, or would overtake.
    """

    # Each group keeps its sessions sorted by turn, so the next of all is the first of the groups' heads. A new turn is
    # always the largest, so that serving appends; only a session that waits already and enters another group is
    # inserted. The lists are short (`max_size`), and shifting pointers beats a tree.

    __slots__ = ("_arrivals", "_groups", "_sessions", "_size", "_turns", "max_size")

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self._size = 0
        self._arrivals = 0
        self._turns = 0
        self._groups: dict[str, list[_Line[T]]] = {}
        self._sessions: dict[str, _Session[T]] = {}

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return (
            f"<FairQueue {self._size} of {self.max_size} waiting"
            f" | {len(self._sessions)} sessions, {len(self._groups)} groups>"
        )

    def has(self, group: str) -> bool:
        """Does anybody wait in this group? Then a new arrival must join too, or it would overtake."""
        return group in self._groups

    def join(self, item: T, *, group: str, session: str, is_main: bool) -> "Place[T] | None":
        """Wait. None: the queue is full."""
        if self._size >= self.max_size:
            return None
        line = self._line(session, group)
        place = Place(item, line, is_main=is_main, number=self._arrivals)
        insort(line.places, place, key=_ORDER)
        self._arrivals += 1
        self._size += 1
        return place

    def leave(self, place: "Place[T]") -> None:
        """Stop waiting; for a place that is not in the queue any more, nothing happens."""
        line = place.line
        if line is None:
            return
        place.line = None
        self._size -= 1
        del line.places[bisect_left(line.places, place.order, key=_ORDER)]
        if not line.places:
            self._drop(line)

    def deal(self, offer: Callable[[T], bool]) -> int:
        """Offer the items in fair order until every group was refused or is empty; how many were taken.

        True takes an item out; False keeps it where it is, and nobody of its group is asked again in this deal. `offer`
        may make places leave; what joins meanwhile waits for its turn, in a new group for the next deal.
        """
        heads = [_head(group, lines) for group, lines in self._groups.items()]
        heapify(heads)
        served = 0
        while heads:
            lines = self._groups.get(heads[0][3])
            if lines is None:
                heappop(heads)
                continue
            # Turns and departures since the head was noted may have put another in front.
            head = _head(heads[0][3], lines)
            if head != heads[0]:
                heapreplace(heads, head)
                continue
            place = lines[0].places[0]
            if offer(place.item):
                self._serve(place)
                served += 1
            else:
                heappop(heads)
        return served

    def _line(self, name: str, group: str) -> "_Line[T]":
        """The session's line in the group, made where there is none."""
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = _Session(name, self._next_turn())
        line = session.lines.get(group)
        if line is None:
            line = session.lines[group] = _Line(session, group)
            insort(self._groups.setdefault(group, []), line, key=_TURN)
        return line

    def _serve(self, place: "Place[T]") -> None:
        """Take a place out and send its session to the end of the round."""
        line = place.line
        if line is None:  # it left while it was offered
            return
        self.leave(place)
        session = line.session
        if not session.lines:
            return
        for waiting in session.lines.values():
            lines = self._groups[waiting.group]
            del lines[bisect_left(lines, session.turn, key=_TURN)]
            lines.append(waiting)
        session.turn = self._next_turn()

    def _drop(self, line: "_Line[T]") -> None:
        """Forget a line nobody stands in any more, with the session and the group when it was their last."""
        session = line.session
        lines = self._groups[line.group]
        del lines[bisect_left(lines, session.turn, key=_TURN)]
        if not lines:
            del self._groups[line.group]
        del session.lines[line.group]
        if not session.lines:
            del self._sessions[session.name]

    def _next_turn(self) -> int:
        self._turns += 1
        return self._turns


class Place(Generic[T]):
    """One item's place in a queue. `line` is None once it is served or has left."""

    __slots__ = ("item", "line", "order")

    def __init__(self, item: T, line: "_Line[T]", *, is_main: bool, number: int) -> None:
        self.item = item
        self.line: _Line[T] | None = line
        self.order = (not is_main, number)

    def __repr__(self) -> str:
        agent = "sub-agent" if self.order[0] else "main agent"
        return f"<Place {self.order[1]} | {agent}, {'gone' if self.line is None else 'waiting'}>"


class _Session(Generic[T]):
    """A session that waits, and its line in each group it waits in."""

    __slots__ = ("lines", "name", "turn")

    def __init__(self, name: str, turn: int) -> None:
        self.name = name
        self.turn = turn
        self.lines: dict[str, _Line[T]] = {}


class _Line(Generic[T]):
    """One session's places in one group, in their order."""

    __slots__ = ("group", "places", "session")

    def __init__(self, session: _Session[T], group: str) -> None:
        self.session = session
        self.group = group
        self.places: list[Place[T]] = []


_TURN = attrgetter("session.turn")
_ORDER = attrgetter("order")


def _head(group: str, lines: list[_Line[T]]) -> Head:
    line = lines[0]
    return (line.session.turn, *line.places[0].order, group)
