"""The ticker, on a clock of the test's own."""

from hypothesis import given
from hypothesis import strategies as st

from cc_relay.sim.pacer import TICK, Pacer


class Clock:
    """Timers that ring when told; `early` is how far before its time a timer may ring."""

    def __init__(self, early=0.0):
        self.now = 100.0
        self.early = early
        self.timers = []

    def time(self):
        return self.now

    def call_at(self, when, callback, /):
        timer = Timer(when, callback, self)
        self.timers.append(timer)
        return timer

    def ring(self):
        """Go to the next timer and call it."""
        timer = min(self.timers, key=lambda one: one.when)
        self.timers.remove(timer)
        self.now = max(self.now, timer.when - self.early)
        timer.callback()

    def run(self, limit=10_000):
        """Ring until no timer is left; return how many rang."""
        rang = 0
        while self.timers:
            rang += 1
            assert rang < limit, "the ticker does not come to rest"
            self.ring()
        return rang


class Timer:
    def __init__(self, when, callback, clock):
        self.when, self.callback, self.clock = when, callback, clock

    def cancel(self):
        self.clock.timers.remove(self)


def frames(count):
    return [b"%d" % number for number in range(count)]


async def test_frames_without_times_leave_at_once():
    written = []
    pacer = Pacer(Clock())
    stream = pacer.start(frames(3), [], written.append)
    pacer.wake(stream)
    assert written == frames(3)
    assert stream.done.done()


async def test_each_frame_leaves_within_a_tick_of_its_time():
    clock, written = Clock(), []
    pacer = Pacer(clock)
    due = [0.0, 0.5, 1.0]
    stream = pacer.start(frames(3), due, lambda _: written.append(clock.now - 100.0))
    pacer.wake(stream)
    clock.run()
    assert all(0 <= at - wanted <= 2 * TICK for at, wanted in zip(written, due, strict=True))


async def test_one_timer_serves_every_stream():
    clock = Clock()
    pacer = Pacer(clock)
    for _ in range(100):
        pacer.wake(pacer.start(frames(2), [0.0, 0.5], lambda _: None))
    assert len(clock.timers) == 1
    assert clock.run() == 1


async def test_a_timer_that_rings_early_still_serves_its_tick():
    clock, written = Clock(early=TICK / 2), []
    pacer = Pacer(clock)
    due = [number * 0.0101 for number in range(200)]
    stream = pacer.start(frames(200), due, written.append)
    pacer.wake(stream)
    clock.run()
    assert written == frames(200)


async def test_a_paused_stream_waits_and_then_catches_up():
    clock, written = Clock(), []
    pacer = Pacer(clock)
    stream = pacer.start(frames(3), [0.0, 0.1, 0.2], written.append)
    pacer.wake(stream)
    stream.pause()
    clock.run()
    assert written == frames(1)
    clock.now = 101.0
    stream.resume()
    assert written == frames(3)


async def test_an_abandoned_stream_writes_no_more():
    clock, written = Clock(), []
    pacer = Pacer(clock)
    stream = pacer.start(frames(2), [0.0, 0.1], written.append)
    pacer.wake(stream)
    stream.done.cancel()
    clock.run()
    assert written == frames(1)


@given(
    gaps=st.lists(st.floats(0, 0.05), min_size=1, max_size=40),
    early=st.floats(0, TICK),
    start=st.floats(0, 10_000),
)
async def test_every_frame_leaves_once_and_in_order_on_any_clock(gaps, early, start):
    clock, written = Clock(early), []
    clock.now = start
    pacer = Pacer(clock)
    due = [sum(gaps[: number + 1]) for number in range(len(gaps))]
    stream = pacer.start(frames(len(gaps)), due, written.append)
    pacer.wake(stream)
    clock.run()
    assert written == frames(len(gaps))
