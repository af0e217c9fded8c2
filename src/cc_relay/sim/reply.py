"""What goes back for one request: head, paced body and ending, as plain data."""

from collections.abc import Callable
from enum import Enum

import msgspec
from msgspec import Struct

from cc_relay.exchange import Headers
from cc_relay.sim.faults import BEFORE_HEAD, HALF_WAY, Action, Fault
from cc_relay.sim.frames import PING

JSON: Headers = [(b"content-type", b"application/json")]
STREAM: Headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
HTML: Headers = [(b"content-type", b"text/html; charset=utf-8")]
PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>An edge answered instead.</body></html>"
GARBAGE = b'["nothing", "that", "was", "asked", "for"]'
PING_EVERY = 10.0


class Ending(Enum):
    """How a reply ends: FINISH as HTTP wants it, ABORT the connection, HANG until the client leaves."""

    FINISH = "finish"
    ABORT = "abort"
    HANG = "hang"


class Reply(Struct, frozen=True):
    """`status` 0 sends no head at all. `due` are seconds after the head, one for each frame; empty sends all at once.

    `length` is the declared `content-length`, None sends chunks. `delay` is seconds before the head.
    `note` says in a word what this was, for the journal.
    """

    status: int
    headers: Headers
    frames: list[bytes]
    due: list[float]
    ending: Ending
    length: int | None
    delay: float
    note: str


def whole(status: int, headers: Headers, body: bytes, note: str, delay: float = 0.0) -> Reply:
    return Reply(status, headers, [body], [], Ending.FINISH, len(body), delay, note)


def json_reply(status: int, value: object, note: str) -> Reply:
    return whole(status, JSON, msgspec.json.encode(value), note)


def stream(headers: Headers, frames: list[bytes], due: list[float], note: str, delay: float = 0.0) -> Reply:
    return Reply(200, STREAM + headers, frames, due, Ending.FINISH, None, delay, note)


def page(status: int, note: str) -> Reply:
    return whole(status, HTML, PAGE, note)


def pace(frames: list[bytes], tokens: list[int], speed: float, first_token: float) -> tuple[list[bytes], list[float]]:
    """When each frame is due; a long wait for the first content is filled with pings. Speed 0 needs no times."""
    if speed <= 0 and first_token <= 0:
        return frames, []
    pings = [PING_EVERY * number for number in range(1, int(first_token / PING_EVERY) + 1)]
    due = [0.0, *pings]
    at = first_token
    for amount in tokens[1:]:
        at += amount / speed if speed > 0 else 0.0
        due.append(at)
    return [frames[0], *[PING] * len(pings), *frames[1:]], due


class InBand(Struct, frozen=True):
    """What a broken stream says at its end: an error as the frame of a stream and as the body of an answer, and the
    next frame as a fault's name makes it unreadable (None: these answers have no frames of their own)."""

    frame: bytes
    body: bytes
    garble: Callable[[str, bytes], bytes] | None = None


def strike(reply: Reply, fault: Fault, after_events: int | None, in_band: InBand) -> Reply:
    """The same reply, broken the way `fault` breaks it."""
    if fault.action is Action.HTML:
        return page(fault.status, fault.name)
    if fault.action is Action.GARBAGE:
        return whole(200, JSON, GARBAGE, fault.name)
    after = fault.after if after_events is None else after_events
    if after == BEFORE_HEAD:
        ending = Ending.HANG if fault.action is Action.STALL else Ending.ABORT
        return Reply(0, [], [], [], ending, None, reply.delay, fault.name)
    is_stream = reply.length is None
    if not is_stream:
        if fault.action is Action.ERROR_EVENT:
            return whole(200, reply.headers, in_band.body, fault.name, reply.delay)
        body = reply.frames[0]
        frames = [body[: len(body) // 2 if after == HALF_WAY else min(after, len(body) // 2)]]
    else:
        frames = reply.frames[: max(1, len(reply.frames) // 2) if after == HALF_WAY else after]
    due = reply.due[: len(frames)]
    last = None
    if fault.action is Action.ERROR_EVENT:
        last = in_band.frame
    elif fault.action is Action.GARBLE and is_stream and in_band.garble is not None:
        last = in_band.garble(fault.name, reply.frames[min(len(frames), len(reply.frames) - 1)])
    if last is not None:
        frames = [*frames, last]
        due = [*due, due[-1]] if due else due
    length = _length(reply, fault.action)
    return Reply(reply.status, reply.headers, frames, due, ENDINGS[fault.action], length, reply.delay, fault.name)


def _length(reply: Reply, action: Action) -> int | None:
    """A body of known length can only be cut politely where the length is not declared."""
    if action in (Action.CUT, Action.GARBLE):
        return None
    return sum(map(len, reply.frames)) if action is Action.SHORT else reply.length


ENDINGS = {
    Action.RESET: Ending.ABORT,
    Action.STALL: Ending.HANG,
    Action.CUT: Ending.FINISH,
    Action.SHORT: Ending.ABORT,
    Action.ERROR_EVENT: Ending.FINISH,
    Action.GARBLE: Ending.FINISH,
}
