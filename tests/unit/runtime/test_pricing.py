"""Prices: the list with the configuration's changes on top, and not loaded before somebody asks."""

import subprocess
import sys

import pytest

from cc_relay.config import Provider
from cc_relay.runtime.pricing import pricing

MODEL = "claude-sonnet-5"

START_AND_ASK = """
import json, sys
from cc_relay.config import Config
from cc_relay.runtime.assemble import assemble

provider = {"name": "a", "type": "anthropic", "keys": ["k"]}
snapshot = assemble(Config.model_validate({"providers": [provider]}))
(lane,) = snapshot.lanes("claude-sonnet-5")
before = "cc_relay.ledger.prices" in sys.modules
assert lane.price is not None
print(json.dumps([before, "cc_relay.ledger.prices" in sys.modules]))
"""


def provider(kind: str = "anthropic", **price: dict[str, float]) -> Provider:
    return Provider.model_validate({"name": "a", "type": kind, "keys": ["k"], "price": price})


def test_a_model_costs_what_the_list_says() -> None:
    price = pricing(provider())(MODEL)

    assert price is not None
    assert 0 < price.cache_read < price.input < price.output


def test_the_configuration_changes_what_it_names_and_nothing_else() -> None:
    listed = pricing(provider())(MODEL)
    changed = pricing(provider(**{MODEL: {"output": 8.5}}))(MODEL)

    assert listed is not None
    assert changed is not None
    assert (changed.output, changed.input, changed.cache_read) == (8.5, listed.input, listed.cache_read)


def test_a_change_is_for_its_provider_alone() -> None:
    cheap, plain = pricing(provider(**{MODEL: {"input": 0.5}})), pricing(provider())

    assert cheap(MODEL) != plain(MODEL)


@pytest.mark.parametrize(("kind", "is_known"), [("anthropic", False), ("ollama", True)])
def test_an_unknown_model_has_no_price_and_a_local_one_is_free(kind: str, is_known: bool) -> None:
    price = pricing(provider(kind))("a-model-nobody-knows")

    assert (price is not None) is is_known
    assert price is None or price.output == 0


def test_the_list_is_loaded_by_the_first_who_asks_for_a_price() -> None:
    done = subprocess.run([sys.executable, "-c", START_AND_ASK], capture_output=True, text=True, check=True)

    assert done.stdout == "[false, true]\n"
