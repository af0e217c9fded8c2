"""The price list is what its generator makes of the locked dependency."""

from datetime import date
from importlib.metadata import version

from genai_prices.data import providers
from tests.repository.tree import ROOT
from tools.prices import PATH, SOURCE, committed_date, make

from cc_relay.ledger.prices import PriceList


def test_the_list_is_made_of_the_locked_version() -> None:
    lock = (ROOT / "requirements" / "dev.lock").read_text()
    assert f"\n{SOURCE}=={PriceList.load().version} " in lock
    assert version(SOURCE) == PriceList.load().version, "run `./dev prices`"


def test_the_list_is_what_its_generator_makes() -> None:
    day = committed_date()
    assert day is not None
    assert PATH.read_text() == make(day), "run `./dev prices`; nobody edits the list by hand"


def test_another_day_has_other_prices() -> None:
    assert make(date(2026, 1, 1)) != make(date(2026, 11, 23))


def test_our_rule_for_bedrock_is_what_the_source_says_model_by_model() -> None:
    prices = PriceList.load()
    bedrock = next(provider for provider in providers if provider.id == "aws")
    listed = {model.id: model.prices for model in bedrock.models if ".anthropic.claude-" in model.id}
    assert len(listed) > 30
    for model, said in listed.items():
        ours = prices.price(model.removeprefix("regional."), "bedrock")
        assert ours is not None, model
        output = getattr(said.output_mtok, "base", said.output_mtok)
        assert ours.output == float(output), model
