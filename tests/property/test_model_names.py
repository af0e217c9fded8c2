"""Laws of model names: plain names stay, and additions go in any number and order."""

from hypothesis import given
from hypothesis import strategies as st

from cc_relay.codec.model_names import canonical, limit_family

plain = st.sampled_from(["claude-opus-5-5", "claude-opus-4-5", "claude-haiku-4-5", "claude-fable-5-2"])
prefixes = st.lists(st.sampled_from(["bedrock/", "vertex_ai/", "azure_ai/", "anthropic/"]), max_size=2)
regions = st.sampled_from(["", "anthropic.", "us.anthropic.", "us-gov.anthropic.", "global.anthropic."])
suffixes = st.lists(st.sampled_from(["-20251101", "-v1", "-v1:0", "@20251001", "@default", "[1m]"]), max_size=3)
parts = st.sampled_from(["us.", "anthropic.", "anthropic/", "claude-", "claude", "opus", "-4-5", "-v1", ":0", "@", "/"])
names = st.text(max_size=30) | st.lists(parts, max_size=8).map("".join)


@given(plain, prefixes, regions, suffixes)
def test_additions_change_nothing(name: str, before: list[str], region: str, behind: list[str]) -> None:
    model = "".join(before) + region + name + "".join(behind)
    assert canonical(model) == name
    assert limit_family(model) == limit_family(name)


@given(names)
def test_a_plain_name_is_its_own(model: str) -> None:
    name = canonical(model)
    assert canonical(name) == name
    assert bool(name) == bool(model)
