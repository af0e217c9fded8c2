"""The queue beside a naive model, and its laws."""

from collections.abc import Callable
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from cc_relay.policy.queue import FairQueue, Place

SESSIONS, GROUPS = "abcd", "xyz"


class Item(NamedTuple):
    number: int
    session: str
    group: str
    is_main: bool


class Naive:
    """Says what is meant, slowly: a round of sessions, and a list of everybody who waits."""

    def __init__(self) -> None:
        self.round: list[str] = []
        self.waiting: list[Item] = []

    def join(self, item: Item) -> None:
        self.waiting.append(item)
        if item.session not in self.round:
            self.round.append(item.session)

    def leave(self, item: Item) -> None:
        if item in self.waiting:
            self.waiting.remove(item)
        if all(other.session != item.session for other in self.waiting):
            self.round = [session for session in self.round if session != item.session]

    def next(self, refused: set[str]) -> Item | None:
        askable = [item for item in self.waiting if item.group not in refused]
        for session in self.round:
            own = [item for item in askable if item.session == session]
            if own:
                return min(own, key=lambda item: (not item.is_main, item.number))
        return None

    def deal(self, offer: Callable[[Item], bool]) -> int:
        refused: set[str] = set()
        served = 0
        while (item := self.next(refused)) is not None:
            if not offer(item):
                refused.add(item.group)
                continue
            served += 1
            self.leave(item)
            if item.session in self.round:
                self.round.remove(item.session)
                self.round.append(item.session)
        return served


class Offers:
    """Answers offers from a list, then with no; keeps who was asked."""

    def __init__(self, answers: list[bool]) -> None:
        self.answers = list(reversed(answers))
        self.asked: list[tuple[Item, bool]] = []

    def __call__(self, item: Item) -> bool:
        answer = self.answers.pop() if self.answers else False
        self.asked.append((item, answer))
        return answer

    @property
    def taken(self) -> list[Item]:
        return [item for item, answer in self.asked if answer]


joins = st.tuples(st.just("join"), st.sampled_from(SESSIONS), st.sampled_from(GROUPS), st.booleans())
leaves = st.tuples(st.just("leave"), st.integers(0, 40))
deals = st.tuples(st.just("deal"), st.lists(st.booleans(), max_size=12))
Step = tuple[str, str, str, bool] | tuple[str, int] | tuple[str, list[bool]]


@given(st.lists(joins | joins | leaves | deals, max_size=60), st.integers(0, 20))
def test_it_does_what_a_naive_model_does(steps: list[Step], max_size: int) -> None:
    queue: FairQueue[Item] = FairQueue(max_size)
    naive = Naive()
    places: list[tuple[Item, Place[Item]]] = []
    served: list[Item] = []
    for number, step in enumerate(steps):
        match step:
            case ("join", str(session), str(group), bool(is_main)):
                item = Item(number, session, group, is_main)
                place = queue.join(item, group=group, session=session, is_main=is_main)
                assert (place is None) == (len(naive.waiting) >= max_size)
                if place is not None:
                    naive.join(item)
                    places.append((item, place))
            case ("leave", int(index)) if index < len(places):
                item, place = places[index]
                queue.leave(place)
                naive.leave(item)
            case ("deal", list(answers)):
                offers, model = Offers(answers), Offers(answers)
                assert queue.deal(offers) == naive.deal(model)
                assert offers.asked == model.asked
                served += offers.taken
        assert len(queue) == len(naive.waiting)
        assert [queue.has(group) for group in GROUPS] == [
            any(item.group == group for item in naive.waiting) for group in GROUPS
        ]
        # Whoever does not wait leaves nothing behind.
        assert set(queue._sessions) == {item.session for item in naive.waiting}
        assert set(queue._groups) == {item.group for item in naive.waiting}
    assert len(set(served)) == len(served)


items = st.lists(st.tuples(st.sampled_from(SESSIONS), st.sampled_from(GROUPS), st.booleans()), max_size=40)


def filled(asks: list[tuple[str, str, bool]]) -> tuple[FairQueue[Item], list[tuple[Item, Place[Item]]]]:
    queue: FairQueue[Item] = FairQueue(len(asks))
    places = []
    for number, (session, group, is_main) in enumerate(asks):
        item = Item(number, session, group, is_main)
        place = queue.join(item, group=group, session=session, is_main=is_main)
        assert place is not None
        places.append((item, place))
    return queue, places


@given(items, st.lists(st.lists(st.booleans(), max_size=10), max_size=10), st.sets(st.integers(0, 39)))
def test_everybody_who_stays_is_served_once_and_nobody_who_left(
    asks: list[tuple[str, str, bool]], deals: list[list[bool]], leaving: set[int]
) -> None:
    queue, places = filled(asks)
    for item, place in places:
        if item.number in leaving:
            queue.leave(place)
    served: list[Item] = []
    for answers in [*deals, [True] * len(asks)]:
        offers = Offers(answers)
        queue.deal(offers)
        served += offers.taken
    assert sorted(served) == [item for item, _ in places if item.number not in leaving]
    assert len(queue) == 0


@given(items, st.lists(st.booleans(), max_size=40))
def test_a_refused_group_is_not_asked_again_in_the_same_deal(
    asks: list[tuple[str, str, bool]], answers: list[bool]
) -> None:
    queue, _ = filled(asks)
    offers = Offers(answers)
    queue.deal(offers)
    refused: set[str] = set()
    for item, answer in offers.asked:
        assert item.group not in refused
        if not answer:
            refused.add(item.group)


@given(items, st.integers(1, 5))
def test_nobody_is_served_twice_while_another_waits_for_the_same(asks: list[tuple[str, str, bool]], room: int) -> None:
    """With one group, served counts of sessions that still wait differ by one at most, wherever a deal stops."""
    queue, places = filled([(session, "x", is_main) for session, _, is_main in asks])
    waiting = {item for item, _ in places}
    counts = dict.fromkeys(SESSIONS, 0)
    while len(queue):
        offers = Offers([True] * room)
        queue.deal(offers)
        for item in offers.taken:
            counts[item.session] += 1
            waiting.discard(item)
        still = {counts[item.session] for item in waiting}
        assert not still or max(counts.values()) - min(still) <= 1


@given(items)
def test_within_a_session_main_agents_go_first_and_then_who_came_first(asks: list[tuple[str, str, bool]]) -> None:
    queue, _ = filled(asks)
    offers = Offers([True] * len(asks))
    queue.deal(offers)
    for session in SESSIONS:
        own = [item for item in offers.taken if item.session == session]
        assert own == sorted(own, key=lambda item: (not item.is_main, item.number))
