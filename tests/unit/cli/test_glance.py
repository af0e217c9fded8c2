"""Providers, breakers and keys, for a person to read."""

import click
import pytest
from msgspec.structs import replace
from tests.support.admin import OVERVIEW

from cc_relay.cli.glance import duration, glance, left_out
from cc_relay.management.views import CoolingView, KeyView, LimitView, Overview, ProviderView, ShortcomingView

WELL = KeyView(
    id="key-1",
    state="CLOSED",
    reason="",
    retry_in_ms=None,
    in_flight=2,
    limits=[
        LimitView(family="", kind="rpm", limit=50.0, level=12.7),
        LimitView(family="sonnet", kind="itpm", limit=80_000.0, level=-300.0),
    ],
    coolings=[CoolingView(family="opus", retry_in_ms=7000.0)],
)
OUT = KeyView(id="key-2", state="OPEN", reason="plan", retry_in_ms=720_000.0, in_flight=0, limits=[], coolings=[])
WORK = ProviderView(
    name="work",
    type="anthropic",
    base_url="https://api.anthropic.com",
    state="CLOSED",
    reason="",
    retry_in_ms=None,
    in_flight=2,
    keys=[WELL, OUT],
)
LOGIN = replace(WORK, name="login", state="HALF_OPEN", reason="529", retry_in_ms=0.0, in_flight=0, keys=[])


def lines(view: Overview) -> list[str]:
    return [click.unstyle(line) for line in glance(view)]


def test_everything_is_on_one_screen() -> None:
    view = replace(OVERVIEW, uptime_s=7260.0, in_flight=2, waiting=1, providers=[WORK, LOGIN])

    assert lines(view) == [
        "Up for 2 h, configuration 3; 2 in work, 1 waiting for a key.",
        "",
        "PROVIDER  TYPE       STATE      IN WORK  KEYS          BASE URL                   WHY",
        "work      anthropic  CLOSED     2        1 of 2        https://api.anthropic.com",
        "login     anthropic  HALF_OPEN  0        clients' own  https://api.anthropic.com  529",
        "",
        "PROVIDER  KEY    STATE   IN WORK  LEFT THIS MINUTE                        WHY",
        "work      key-1  CLOSED  2        12 of 50 rpm, 0 of 80.0k itpm (sonnet)  opus throttled (tried again in 7 s)",
        "work      key-2  OPEN    0        -                                       plan (tried again in 12 min)",
    ]


def test_what_requests_go_without_is_told() -> None:
    refused = ShortcomingView(
        model="claude-opus-4-8", capability="beta:x", description="the beta x", retry_in_ms=1_800_000.0
    )
    provider = replace(WORK, keys=[], shortcomings=[refused])

    assert lines(replace(OVERVIEW, providers=[provider]))[-2:] == [
        "PROVIDER  MODEL            GOES WITHOUT  WHY",
        "work      claude-opus-4-8  the beta x    refused (tried again in 30 min)",
    ]


def test_a_relay_without_providers_has_no_tables() -> None:
    assert lines(replace(OVERVIEW, waiting=0, providers=[])) == ["Up for 60 s, configuration 3; 2 in work."]


def test_what_waiting_does_not_help_has_no_time() -> None:
    assert lines(replace(OVERVIEW, providers=[replace(LOGIN, retry_in_ms=None)]))[-1].endswith("  529")


def test_an_upstreams_words_cannot_move_the_cursor() -> None:
    said = "\n".join(lines(replace(OVERVIEW, providers=[replace(LOGIN, reason="\x1b[2Jgone\a")])))

    assert "\x1b" not in said
    assert r"\x1b[2Jgone\x07" in said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (119, "119 s"), (121, "2 min"), (7200, "2 h"), (300_000, "3 days")]
)
def test_durations_read_well(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_what_is_left_out_is_nothing_where_nobody_refused_anything() -> None:
    assert list(left_out(replace(OVERVIEW, providers=[WORK]))) == []
