"""What the log says of providers and keys: what is news, as loud as it is, and not again and again."""

import logging
import re

import pytest

from cc_relay.exchange import Candidate, Credential, Failure, FailureKind
from cc_relay.policy.breaker import CircuitBreaker, Transition
from cc_relay.runtime.watch import QUIET_SECONDS, LoggingWatch, ordinal, spoken

SECRET = "sk-never-shown"


class Log:
    """A watch on a clock that is set by hand, and what it said: `WARNING provider a is OPEN: …`."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.now = 1000.0
        self.watch = LoggingWatch(lambda: self.now)
        self._caplog = caplog
        caplog.set_level(logging.INFO, "cc_relay")

    @property
    def lines(self) -> list[str]:
        return [f"{one.levelname} {one.getMessage()}" for one in self._caplog.records]

    def moved(self, *transitions: Transition | None) -> None:
        for transition in transitions:
            if transition is not None:
                self.watch.breaker_moved("a", transition)

    def key_out(
        self, kind: FailureKind = FailureKind.THROTTLE, seconds: float = 7.0, *, key: str = "key-1", status: int = 429
    ) -> None:
        failure = Failure(kind, status, "x", f"{SECRET} will not do", b"")
        self.watch.key_out(Candidate("a", Credential(key, SECRET), "m"), failure, seconds)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    return Log(caplog)


def flapping(breaker: CircuitBreaker, log: Log, times: int, *, period: float = 1.0) -> None:
    """Down, found healthy by a check, and back, so many times."""
    for _ in range(times):
        log.moved(breaker.record_failure(0, None, "529", log.now))
        log.now += period / 2
        log.moved(breaker.note_healthy(log.now))
        grant = breaker.try_acquire(log.now)
        assert grant is not None
        log.now += period / 2
        log.moved(breaker.record_success(grant, None, log.now))


def test_an_outage_is_told_from_its_beginning_to_its_end(log: Log) -> None:
    flapping(CircuitBreaker(threshold=1, open_for=60.0, probes=1), log, 1, period=40.0)

    assert log.lines == [
        "WARNING provider a is OPEN: 529",
        "INFO provider a is HALF_OPEN: health check passed; requests try it",
        "WARNING provider a is CLOSED again after 40 s: 1 probes succeeded",
    ]


def test_a_check_that_passes_again_and_again_in_one_outage_is_told_once(log: Log) -> None:
    breaker = CircuitBreaker(threshold=1, open_for=3600.0, probes=1)
    log.moved(breaker.record_failure(0, None, "529", log.now))
    for _ in range(50):
        log.now += 0.1
        log.moved(breaker.note_healthy(log.now))
        grant = breaker.try_acquire(log.now)
        assert grant is not None
        log.moved(breaker.record_failure(grant, None, "529", log.now))

    assert sum("HALF_OPEN" in line for line in log.lines) <= 6
    assert len(log.lines) <= 12


def test_a_provider_that_flaps_every_second_for_an_hour_gives_few_lines(log: Log) -> None:
    flapping(CircuitBreaker(threshold=1, open_for=60.0, probes=1), log, 3600)

    assert len(log.lines) <= 36
    assert any("is OPEN (for the 2048th time)" in line for line in log.lines)


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (FailureKind.THROTTLE, "INFO"),
        (FailureKind.PLAN, "WARNING"),
        (FailureKind.CREDENTIAL, "ERROR"),
        (FailureKind.TRANSIENT, "WARNING"),
    ],
)
def test_a_key_that_is_out_is_told_as_loud_as_a_person_is_needed(log: Log, kind: FailureKind, level: str) -> None:
    log.key_out(kind)

    (line,) = log.lines
    assert line.startswith(f"{level} key key-1 of a was answered with HTTP 429 and is left alone for 7.0 s: it ")


def test_a_refused_key_says_where_to_look_and_shows_nothing_of_itself(log: Log) -> None:
    log.key_out(FailureKind.CREDENTIAL, status=401)

    (line,) = log.lines
    assert "check it in the configuration" in line
    assert SECRET not in line


def test_what_a_provider_advises_about_a_credential_is_said_in_its_words(log: Log) -> None:
    advice = "mine refused the relay's own credential: this machine's clock is off; set it right."
    failure = Failure(FailureKind.CREDENTIAL, 502, "api_error", advice, b"")
    log.watch.key_out(Candidate("a", Credential("key-1", SECRET), "m"), failure, 7.0)

    assert log.lines == [f"ERROR key key-1 of a is left alone for 7.0 s: {advice}"]


def test_the_same_of_the_same_key_is_told_once_in_a_minute(log: Log) -> None:
    for _ in range(10):
        log.key_out()
        log.now += QUIET_SECONDS / 10

    assert len(log.lines) == 1
    log.key_out()
    assert len(log.lines) == 2


def test_another_kind_and_another_key_are_told_at_once(log: Log) -> None:
    log.key_out()
    log.key_out(FailureKind.CREDENTIAL)
    log.key_out(key="key-2")

    assert [re.split(" key | of ", line)[1] for line in log.lines] == ["key-1", "key-1", "key-2"]


def test_a_reason_cannot_pretend_to_be_a_line_of_its_own(log: Log) -> None:
    breaker = CircuitBreaker(threshold=1, open_for=60.0, probes=1)
    log.moved(breaker.record_failure(0, None, "529\nERROR all is lost\x1b[2J", log.now))

    assert log.lines == ["WARNING provider a is OPEN: 529?ERROR all is lost?[2J"]


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.04, "0.0 s"), (9.96, "10.0 s"), (45.2, "45 s"), (119, "119 s"), (900, "15 min")]
)
def test_durations_read_well(seconds: float, said: str) -> None:
    assert spoken(seconds) == said


def test_ordinals_read_well() -> None:
    assert [ordinal(number) for number in (2, 3, 4, 11, 12, 21, 32, 112)] == [
        "2nd", "3rd", "4th", "11th", "12th", "21st", "32nd", "112th",
    ]  # fmt: skip


def test_a_key_that_is_back_is_told_and_its_next_outage_is_news(log: Log) -> None:
    log.key_out(FailureKind.CREDENTIAL, status=401)
    log.watch.key_back(Candidate("a", Credential("key-1", SECRET), "m"), "credential")
    log.key_out(FailureKind.CREDENTIAL, status=401)

    assert len(log.lines) == 3
    assert log.lines[1] == "WARNING key key-1 of a serves again; it was out: credential"
    assert SECRET not in "".join(log.lines)
