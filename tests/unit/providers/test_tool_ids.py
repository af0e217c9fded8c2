import re

import pytest

from cc_relay.providers.tool_ids import ToolIds


def test_an_id_claude_takes_stays() -> None:
    ids = ToolIds()
    assert ids.assign("toolu_01-A") == ids.of("toolu_01-A") == "toolu_01-A"


@pytest.mark.parametrize("came", ["functions.Read:0", "", "a b", "ü", "a_b.c", "\ud83d", "x\n"])
def test_any_other_becomes_one_that_it_takes_and_can_be_undone(came: str) -> None:
    ids = ToolIds()
    new = ids.assign(came)
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", new)
    assert ids.of(came) == new
    assert ids.originals[new] == came


def test_the_same_id_is_the_same_in_every_conversation() -> None:
    assert ToolIds().assign("functions.Read:0") == ToolIds().assign("functions.Read:0") == "ccr_functions_2eRead_3a0"


def test_an_id_used_again_becomes_another_and_results_mean_the_last() -> None:
    ids = ToolIds()
    first, second = ids.assign("call_0"), ids.assign("call_0")
    assert first == "call_0" != second
    assert ids.of("call_0") == second
    assert ids.originals == {first: "call_0", second: "call_0"}


def test_an_id_that_looks_like_one_made_here_collides_with_none() -> None:
    ids = ToolIds()
    assert len({ids.assign("a.b"), ids.assign("ccr_a_2eb"), ids.assign("ccr_a_2eb__2"), ids.assign("a.b")}) == 4


def test_a_result_without_a_call_gets_an_id_too() -> None:
    assert ToolIds().of("a.b") == "ccr_a_2eb"
    assert ToolIds().of("toolu_1") == "toolu_1"
