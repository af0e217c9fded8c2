"""Who is next in the queue."""

import pytest

from cc_relay.policy.queue import FairQueue, Place

Queue = FairQueue[str]


def join(queue: Queue, item: str, *, group: str = "opus", is_main: bool = True) -> Place[str] | None:
    """Item `a1` is session a's."""
    return queue.join(item, group=group, session=item[0], is_main=is_main)


def served(queue: Queue, room: int = 100) -> list[str]:
    """Who gets the next `room` chances."""
    taken: list[str] = []

    def offer(item: str) -> bool:
        if len(taken) >= room:
            return False
        taken.append(item)
        return True

    assert queue.deal(offer) == len(taken)
    return taken


def test_one_session_is_served_first_in_first_out() -> None:
    queue = Queue(10)
    for item in ("a1", "a2", "a3"):
        join(queue, item)
    assert served(queue) == ["a1", "a2", "a3"]


def test_sessions_take_turns_however_many_places_each_has() -> None:
    queue = Queue(10)
    for item in ("a1", "a2", "a3", "b1", "b2", "c1"):
        join(queue, item)
    assert served(queue) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_main_agent_goes_before_its_own_sub_agents() -> None:
    queue = Queue(10)
    join(queue, "a-sub", is_main=False)
    join(queue, "a-main")
    assert served(queue) == ["a-main", "a-sub"]


def test_a_main_agent_does_not_go_before_the_sub_agents_of_others() -> None:
    queue = Queue(10)
    join(queue, "a-sub", is_main=False)
    join(queue, "b-main")
    assert served(queue) == ["a-sub", "b-main"]


def test_the_round_goes_on_where_the_last_deal_stopped() -> None:
    queue = Queue(10)
    for item in ("a1", "a2", "b1", "b2"):
        join(queue, item)
    assert [served(queue, room=1) for _ in range(4)] == [["a1"], ["b1"], ["a2"], ["b2"]]


def test_a_newcomer_goes_to_the_end_of_the_round() -> None:
    queue = Queue(10)
    for item in ("a1", "a2", "b1"):
        join(queue, item)
    served(queue, room=1)
    join(queue, "c1")
    assert served(queue) == ["b1", "a2", "c1"]


def test_who_is_refused_keeps_the_first_place() -> None:
    queue = Queue(10)
    join(queue, "a1")
    join(queue, "b1")
    assert served(queue, room=0) == []
    assert served(queue) == ["a1", "b1"]


def test_a_refused_group_is_not_asked_again_in_the_same_deal() -> None:
    queue = Queue(2000)
    for number in range(1000):
        queue.join(str(number), group="opus", session=str(number % 300), is_main=True)
    offers: list[str] = []

    def refuse(item: str) -> bool:
        offers.append(item)
        return False

    assert queue.deal(refuse) == 0
    assert offers == ["0"]
    assert len(queue) == 1000


def test_another_group_goes_on_when_one_is_refused() -> None:
    queue = Queue(10)
    join(queue, "a-opus", group="opus")
    join(queue, "a-haiku", group="haiku")
    join(queue, "b-opus", group="opus")
    join(queue, "b-haiku", group="haiku")
    taken: list[str] = []

    def offer(item: str) -> bool:
        if "opus" in item:
            return False
        taken.append(item)
        return True

    assert queue.deal(offer) == 2
    assert taken == ["a-haiku", "b-haiku"]
    assert (queue.has("opus"), queue.has("haiku")) == (True, False)


def test_a_turn_counts_in_every_group_a_session_waits_in() -> None:
    queue = Queue(10)
    join(queue, "a1", group="opus")
    join(queue, "b1", group="haiku")
    join(queue, "a2", group="haiku")
    join(queue, "b2", group="opus")
    assert served(queue) == ["a1", "b1", "a2", "b2"]


def test_a_session_that_enters_another_group_keeps_its_turn() -> None:
    queue = Queue(10)
    join(queue, "a1", group="opus")
    join(queue, "b1", group="haiku")
    join(queue, "a2", group="haiku")
    offers: list[str] = []

    def only_haiku(item: str) -> bool:
        offers.append(item)
        return item != "a1"

    assert queue.deal(only_haiku) == 2
    assert offers == ["a1", "a2", "b1"]


def test_a_full_queue_takes_nobody_until_somebody_leaves() -> None:
    queue = Queue(1)
    place = join(queue, "a1")
    assert place is not None
    assert join(queue, "b1") is None
    queue.leave(place)
    assert join(queue, "b1") is not None


@pytest.mark.parametrize("max_size", [0, -1])
def test_a_queue_of_no_size_takes_nobody(max_size: int) -> None:
    assert join(Queue(max_size), "a1") is None


def test_a_queue_made_smaller_keeps_who_waits() -> None:
    queue = Queue(10)
    join(queue, "a1")
    join(queue, "b1")
    queue.max_size = 1
    assert join(queue, "c1") is None
    assert served(queue) == ["a1", "b1"]


def test_a_cancelled_place_is_not_offered() -> None:
    queue = Queue(10)
    join(queue, "a1")
    place = join(queue, "b1")
    join(queue, "c1")
    assert place is not None
    queue.leave(place)
    assert served(queue) == ["a1", "c1"]


def test_leaving_twice_or_after_being_served_changes_nothing() -> None:
    queue = Queue(10)
    place = join(queue, "a1")
    assert place is not None
    served(queue)
    join(queue, "a1")
    queue.leave(place)
    queue.leave(place)
    assert len(queue) == 1


def test_a_place_may_leave_while_others_are_offered_theirs() -> None:
    queue = Queue(10)
    places = {item: join(queue, item, group=group) for item, group in (("a1", "x"), ("b1", "x"), ("c1", "y"))}
    taken: list[str] = []

    def offer(item: str) -> bool:
        taken.append(item)
        for other in ("b1", "c1"):
            place = places[other]
            assert place is not None
            queue.leave(place)
        return True

    assert queue.deal(offer) == 1
    assert taken == ["a1"]
    assert len(queue) == 0


def test_a_place_may_leave_while_it_is_offered() -> None:
    queue = Queue(10)
    place = join(queue, "a1")
    assert place is not None

    def offer(item: str) -> bool:
        queue.leave(place)
        return True

    assert queue.deal(offer) == 1
    assert len(queue) == 0


def test_an_offer_that_raises_takes_nobody_out() -> None:
    queue = Queue(10)
    join(queue, "a1")

    def offer(item: str) -> bool:
        raise ValueError(item)

    with pytest.raises(ValueError, match="a1"):
        queue.deal(offer)
    assert served(queue) == ["a1"]


def test_nobody_is_left_behind_in_memory() -> None:
    queue = Queue(10)
    for number in range(100):
        place = queue.join("x", group=f"group-{number}", session=f"session-{number}", is_main=True)
        assert place is not None
        queue.leave(place)
    assert (len(queue), queue._groups, queue._sessions) == (0, {}, {})


def test_it_shows_who_waits() -> None:
    queue = Queue(10)
    place = join(queue, "a1")
    assert place is not None
    join(queue, "a2", group="haiku", is_main=False)
    join(queue, "b1")
    assert repr(queue) == "<FairQueue 3 of 10 waiting | 2 sessions, 2 groups>"
    assert repr(place) == "<Place 0 | main agent, waiting>"
    queue.leave(place)
    assert repr(place) == "<Place 0 | main agent, gone>"
