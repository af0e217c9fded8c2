"""What `status` says of what it found."""

import click
from msgspec import json
from tests.support.admin import OVERVIEW

from cc_relay.cli.status import Provider, Status, describe


def test_a_relay_that_does_not_run_says_how_to_start_it() -> None:
    said = describe(Status(running=False, url="http://127.0.0.1:8787", problem="nothing listens there"))
    assert said == "Not running: nothing listens there (http://127.0.0.1:8787). Start it with `cc-relay serve`."


def test_a_relay_that_runs_shows_its_providers() -> None:
    providers = [Provider("a", "anthropic", "https://api.anthropic.com", ["x", "y"], "CLOSED")]
    lines = click.unstyle(describe(Status(running=True, url="U", ready=True, providers=providers))).splitlines()
    assert lines == [
        "Running at U, ready.",
        "",
        "PROVIDER  TYPE       STATE   MODELS  BASE URL",
        "a         anthropic  CLOSED  2       https://api.anthropic.com",
    ]


def test_what_the_admin_port_told_stands_in_place_of_the_short_list() -> None:
    providers = [Provider("a", "anthropic", "https://api.anthropic.com", [], "CLOSED")]
    found = Status(running=True, url="U", ready=True, providers=providers, overview=OVERVIEW)
    said = click.unstyle(describe(found))

    assert said.startswith("Running at U, ready.\nUp for 60 s, ")
    assert "key-0a1b" in said
    assert "MODELS" not in said


def test_json_has_both() -> None:
    told = json.decode(json.encode(Status(running=True, url="U", overview=OVERVIEW)))
    assert told["overview"]["providers"][0]["keys"][0]["id"] == "key-0a1b"
    assert json.decode(json.encode(Status(running=True, url="U")))["overview"] is None


def test_a_hidden_list_of_providers_is_explained() -> None:
    assert describe(Status(running=True, url="U", problem="it is locked")).endswith("But it is locked.")
