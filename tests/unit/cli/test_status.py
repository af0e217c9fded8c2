"""What `status` says of what it found."""

import click

from cc_relay.cli.status import Provider, Status, describe


def test_a_relay_that_does_not_run_says_how_to_start_it() -> None:
    said = describe(Status(running=False, url="http://127.0.0.1:8787", problem="nothing listens there"))
    assert said == "Not running: nothing listens there (http://127.0.0.1:8787). Start it with `cc-relay serve`."


def test_a_relay_that_runs_shows_its_providers() -> None:
    providers = [Provider("a", "anthropic", "https://api.anthropic.com", ["x", "y"], "active")]
    lines = click.unstyle(describe(Status(running=True, url="U", ready=True, providers=providers))).splitlines()
    assert lines == [
        "Running at U, ready.",
        "",
        "PROVIDER  TYPE       STATE   MODELS  BASE URL",
        "a         anthropic  active  2       https://api.anthropic.com",
    ]


def test_a_hidden_list_of_providers_is_explained() -> None:
    assert describe(Status(running=True, url="U", problem="it is locked")).endswith("But it is locked.")
