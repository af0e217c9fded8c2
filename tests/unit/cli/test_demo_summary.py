"""The table that `demo --once` ends with."""

import click

from cc_relay.cli.demo_summary import summary
from cc_relay.sim.traffic import TrafficResult


def result(provider: str | None, *, attempts: int = 1, error: str | None = None) -> TrafficResult:
    return TrafficResult("text", provider, 0 if error else 200, 10.0, 30.0, 5, attempts, error)


def test_each_provider_has_a_row_and_all_have_a_sentence() -> None:
    said = click.unstyle(summary([result("flaky"), result("flaky"), result("steady", attempts=2)])).splitlines()
    assert [line.split() for line in said[1:3]] == [
        ["flaky", "2", "0", "10", "ms", "30", "ms", "10"],
        ["steady", "1", "1", "10", "ms", "30", "ms", "5"],
    ]
    assert said[-1] == "3 of 3 requests were answered, 1 of them because the relay tried again."


def test_failures_are_listed() -> None:
    said = click.unstyle(summary([result(None, error="no answer")])).splitlines()
    assert said == [
        "0 of 1 requests were answered, 0 of them because the relay tried again.",
        "failed: text: no answer",
    ]
