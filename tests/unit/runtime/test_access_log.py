"""One line for each request."""

import asyncio
import json
import logging
import re

import pytest
from tests.support.virtual_time import settle, virtual
from tests.unit.runtime.records import SECRET, attempt, record

from cc_relay.exchange import Outcome, Record, Usage
from cc_relay.runtime.access_log import BATCH_SECONDS, AccessLog, json_line, level_of, text_line

LONG = record(
    attempts=(attempt(),),
    usage=Usage(345, 67, 10_000, 20, 3, "claude-opus-5-5", "end_turn", True),
    bytes_out=4096,
    first_byte_at=1000.23,
    ended_at=1000.812,
)
FLAKY = (attempt("flaky", "transient"), attempt("steady"))


class Batches:
    """A LogWriter that keeps what it is given."""

    def __init__(self) -> None:
        self.all: list[bytes] = []

    def write(self, lines: bytes) -> None:
        self.all.append(lines)


def text(of: Record, *, has_colour: bool = False) -> str:
    """The line without its time of day."""
    return text_line(of, 0.0, has_colour=has_colour).partition(" ")[2]


def fields(of: Record) -> dict[str, object]:
    written = Batches()
    log = AccessLog(written, asyncio.new_event_loop(), is_json=True, has_colour=False)
    log(of)
    log.flush()
    log._loop.close()
    line = b"".join(written.all)
    assert line.count(b"\n") == 1
    found: dict[str, object] = json.loads(line)
    return found


def test_a_delivered_request_reads_like_a_sentence() -> None:
    assert text(LONG) == ("200 claude-opus-5-5 → work 812 ms (first byte 230 ms) 10.4k in (96% cached) 67 out req_1")


@pytest.mark.parametrize(
    ("of", "shown"),
    [
        (record(model="", method="GET", path="/v1/models"), "200 GET /v1/models 500 ms req_1"),
        (
            record(status=401, outcome=Outcome.REJECTED, reason="no_credential", model=""),
            "401 POST /v1/messages 500 ms [rejected: no_credential] req_1",
        ),
        (
            record(status=502, outcome=Outcome.FAILED, reason="upstream_broke", attempts=(attempt(reason="reset"),)),
            "502 claude-opus-5-5 → work 500 ms [failed: upstream_broke] req_1",
        ),
        (
            record(outcome=Outcome.BROKEN, reason="reset", attempts=(attempt(outcome=Outcome.BROKEN),)),
            "200 claude-opus-5-5 → work 500 ms [broken: reset] req_1",
        ),
        (
            record(status=499, outcome=Outcome.GONE, reason="client left"),
            "499 claude-opus-5-5 500 ms [gone: client left] req_1",
        ),
        (
            record(status=503, outcome=Outcome.DRAINED, reason="relay stopped"),
            "503 claude-opus-5-5 500 ms [drained: relay stopped] req_1",
        ),
        (
            record(attempts=FLAKY),
            "200 claude-opus-5-5 → steady (attempt 2) 500 ms [delivered: after flaky: transient] req_1",
        ),
    ],
)
def test_every_outcome_says_what_happened(of: Record, shown: str) -> None:
    assert text(of) == shown


@pytest.mark.parametrize(("status", "code"), [(200, 32), (404, 33), (529, 31)])
def test_a_status_has_the_colour_of_its_class(status: int, code: int) -> None:
    line = text(record(status=status), has_colour=True)

    assert line.startswith(f"\x1b[{code}m{status}\x1b[0m ")
    assert line.count("\x1b") == 2


def test_a_broken_answer_does_not_look_like_a_good_one() -> None:
    assert text(record(outcome=Outcome.BROKEN), has_colour=True).startswith("\x1b[31m200")


def test_json_has_a_field_for_each_fact() -> None:
    line = fields(LONG)

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(line.pop("time")))
    assert line == {
        "level": "info",
        "event": "request",
        "id": "req_1",
        "method": "POST",
        "path": "/v1/messages",
        "status": 200,
        "outcome": "delivered",
        "duration_ms": 812.0,
        "bytes": 4096,
        "first_byte_ms": 230.0,
        "model": "claude-opus-5-5",
        "provider": "work",
        "key": "key-0a1b2c3d4e",
        "attempts": 1,
        "input_tokens": 345,
        "output_tokens": 67,
        "cache_read_tokens": 10_000,
        "cache_write_tokens": 23,
        "stop_reason": "end_turn",
        "client": "relay-key",
    }


def test_json_leaves_out_what_there_is_not() -> None:
    assert set(fields(record(model=""))) == {
        "time", "level", "event", "id", "method", "path", "status", "outcome", "duration_ms", "client",
    }  # fmt: skip


def test_the_upstreams_name_of_a_model_is_told_where_it_is_another() -> None:
    assert fields(record(attempts=(attempt(model="glm-5"),)))["upstream_model"] == "glm-5"


def test_json_says_what_was_overcome() -> None:
    line = fields(record(attempts=FLAKY))

    assert (line["provider"], line["attempts"], line["reason"]) == ("steady", 2, "after flaky: transient")


@pytest.mark.parametrize(
    ("of", "level"),
    [
        (record(), logging.INFO),
        (record(status=404, outcome=Outcome.REJECTED), logging.INFO),
        (record(status=499, outcome=Outcome.GONE), logging.INFO),
        (record(status=500), logging.WARNING),
        (record(status=429, outcome=Outcome.FAILED), logging.WARNING),
        (record(outcome=Outcome.BROKEN), logging.WARNING),
    ],
)
def test_what_an_upstream_or_the_relay_got_wrong_is_a_warning(of: Record, level: int) -> None:
    assert level_of(of) == level
    assert fields(of)["level"] == logging.getLevelName(level).lower()


def test_no_line_holds_a_key() -> None:
    assert SECRET not in json.dumps(fields(LONG)) + text(LONG) + repr(json_line(LONG, 0.0))


@virtual
async def test_lines_are_written_together_in_order() -> None:
    written = Batches()
    log = AccessLog(written, asyncio.get_running_loop(), is_json=False, has_colour=False)
    for number in range(3):
        log(record(id=f"req_{number}"))
    await settle()
    assert written.all == []

    await asyncio.sleep(BATCH_SECONDS)
    (batch,) = written.all
    assert [line.split()[-1] for line in batch.decode().splitlines()] == ["req_0", "req_1", "req_2"]


@virtual
async def test_every_batch_has_its_own_timer() -> None:
    written = Batches()
    log = AccessLog(written, asyncio.get_running_loop(), is_json=True, has_colour=False)
    for _ in range(2):
        log(record())
        await asyncio.sleep(BATCH_SECONDS)

    assert len(written.all) == 2


@virtual
async def test_a_flush_loses_nothing_and_repeats_nothing() -> None:
    written = Batches()
    log = AccessLog(written, asyncio.get_running_loop(), is_json=True, has_colour=False)
    log(record())
    log.flush()
    log.flush()
    await asyncio.sleep(2 * BATCH_SECONDS)

    assert len(written.all) == 1


@virtual
async def test_a_line_has_the_wall_clocks_time_of_its_end() -> None:
    written = Batches()
    loop = asyncio.get_running_loop()
    # The wall clock leads the loop's by a million seconds.
    log = AccessLog(written, loop, is_json=True, has_colour=False, wall_clock=lambda: loop.time() + 1_000_000)
    log(record(ended_at=loop.time() + 0.25))
    await asyncio.sleep(3600)

    # 1,001,000.25 s after the epoch.
    assert json.loads(written.all[0])["time"] == "1970-01-12T14:03:20.250Z"


@pytest.mark.parametrize("is_json", [True, False])
@virtual
async def test_a_level_of_warn_leaves_good_requests_out(is_json: bool) -> None:
    written = Batches()
    log = AccessLog(written, asyncio.get_running_loop(), is_json=is_json, has_colour=False, level=logging.WARNING)
    for one in (record(id="good"), record(id="bad", status=529, outcome=Outcome.FAILED)):
        log(one)
    log.flush()

    assert b"bad" in b"".join(written.all)
    assert b"good" not in b"".join(written.all)


@virtual
async def test_nothing_is_written_where_every_line_is_left_out() -> None:
    written = Batches()
    log = AccessLog(written, asyncio.get_running_loop(), is_json=True, has_colour=False, level=logging.ERROR)
    log(record())
    log.flush()

    assert written.all == []
