"""The key pool: reserving, settling, learning, cooling."""

from math import inf, nan

import pytest

from cc_relay.exchange import Refusal
from cc_relay.policy.key import TRIAL_SECONDS, Key, KeySettings
from cc_relay.policy.key_limits import LimitReport
from cc_relay.policy.key_pool import KeyPool
from cc_relay.policy.lease import Lease


def dice() -> float:
    return 0.0


def pool_of(*settings: KeySettings) -> KeyPool:
    return KeyPool(settings or [KeySettings("a")])


def reserved(pool: KeyPool, key: Key | None = None, now: float = 0.0, family: str = "", **tokens: float) -> Lease:
    answer = pool.reserve(key or pool.keys[0], family, tokens.get("input", 0.0), tokens.get("output", 0.0), now)
    assert isinstance(answer, Lease)
    return answer


def refused(pool: KeyPool, key: Key | None = None, now: float = 0.0, family: str = "", **tokens: float) -> Refusal:
    answer = pool.reserve(key or pool.keys[0], family, tokens.get("input", 0.0), tokens.get("output", 0.0), now)
    assert isinstance(answer, Refusal)
    return answer


def levels(key: Key, now: float = 0.0) -> dict[str, float]:
    return {kind: level for _, kind, _, level in key.utilisation(now)}


LIMITED = KeySettings("a", rpm=60, itpm=6000, otpm=600, tpm=6600)


def test_a_key_without_limits_always_takes_one_more() -> None:
    pool = pool_of()
    leases = [reserved(pool, input=1e9) for _ in range(1000)]
    assert pool.keys[0].in_flight == len(leases)


def test_a_lease_is_taken_from_every_limit() -> None:
    pool = pool_of(LIMITED)
    reserved(pool, input=1000.0, output=100.0)
    assert levels(pool.keys[0]) == {"requests": 59.0, "input": 5000.0, "output": 500.0, "tokens": 5500.0}


def test_a_refused_reservation_takes_nothing_and_says_when() -> None:
    pool = pool_of(LIMITED)
    reserved(pool, input=5800.0, output=100.0)
    before = levels(pool.keys[0])
    assert refused(pool, input=700.0, output=100.0) == Refusal("rate", 5.0)
    assert levels(pool.keys[0]) == before
    assert pool.keys[0].in_flight == 1


def test_true_counts_replace_the_estimate() -> None:
    pool = pool_of(LIMITED)
    lease = reserved(pool, input=1000.0, output=100.0)
    pool.settle(lease, 400.0, 250.0, 0.0)
    assert levels(pool.keys[0]) == {"requests": 59.0, "input": 5600.0, "output": 350.0, "tokens": 5950.0}
    assert pool.keys[0].in_flight == 0


@pytest.mark.parametrize(("was_counted", "requests"), [(True, 59.0), (False, 60.0)])
def test_a_lease_given_back_used_no_tokens(was_counted: bool, requests: float) -> None:
    pool = pool_of(LIMITED)
    pool.give_back(reserved(pool, input=1000.0, output=100.0), 0.0, was_counted=was_counted)
    assert levels(pool.keys[0]) == {"requests": requests, "input": 6000.0, "output": 600.0, "tokens": 6600.0}
    assert pool.keys[0].in_flight == 0


def test_a_lease_ends_once() -> None:
    pool = pool_of()
    lease = reserved(pool)
    pool.settle(lease, 1.0, 1.0, 0.0)
    with pytest.raises(AssertionError, match="ended twice"):
        pool.give_back(lease, 0.0, was_counted=False)
    assert pool.keys[0].in_flight == 0


@pytest.mark.parametrize("count", [nan, inf, -inf, -5.0, 1e300])
def test_absurd_counts_hold_a_key_for_minutes_at_most(count: float) -> None:
    pool = pool_of(LIMITED)
    pool.settle(reserved(pool, input=count, output=count), count, count, 0.0)
    assert pool.free_at("", 100.0, 10.0, 0.0) <= 120.0


# Learning


FULL: list[LimitReport] = [("requests", 60, 60, 0.0), ("input", 6000, 6000, 0.0), ("output", 600, 600, 0.0)]


def test_learned_limits_replace_configured_ones() -> None:
    pool = pool_of(LIMITED)
    reserved_first = reserved(pool)
    pool.settle(reserved_first, 0.0, 0.0, 0.0)
    pool.learn(pool.keys[0], "", [("requests", 1000, 900, 6.0)], 0.0)
    assert ("", "requests", 1000.0, 900.0) in pool.keys[0].utilisation(0.0)


def test_limits_are_learned_where_none_were_configured() -> None:
    pool = pool_of()
    pool.learn(pool.keys[0], "opus", [("input", 6000, 1500, 45.0)], 0.0)
    assert pool.keys[0].utilisation(0.0) == [("opus", "input", 6000.0, 1500.0)]
    assert refused(pool, family="opus", input=2000.0) == Refusal("rate", 5.0)


def test_what_other_open_leases_hold_is_taken_off_what_remains() -> None:
    pool = pool_of()
    own, _other = reserved(pool, input=100.0, output=10.0), reserved(pool, input=200.0, output=20.0)
    pool.learn(pool.keys[0], "", FULL, 0.0, own=own)
    # Of its own, only the output is still to come.
    assert levels(pool.keys[0]) == {"requests": 59.0, "input": 5800.0, "output": 570.0}


def test_an_answers_own_request_is_not_charged_again_when_it_ends() -> None:
    pool = pool_of()
    own = reserved(pool, input=100.0, output=10.0)
    pool.learn(pool.keys[0], "", FULL, 0.0, own=own)
    pool.settle(own, 5000.0, 30.0, 0.0)
    assert levels(pool.keys[0]) == {"requests": 60.0, "input": 6000.0, "output": 570.0}


def test_a_request_that_an_answer_counted_is_not_taken_off_a_later_answer() -> None:
    pool = pool_of()
    first, second = reserved(pool, input=100.0, output=10.0), reserved(pool, input=200.0, output=20.0)
    pool.learn(pool.keys[0], "", FULL, 0.0, own=first)
    pool.learn(pool.keys[0], "", FULL, 0.0, own=second)
    assert levels(pool.keys[0]) == {"requests": 60.0, "input": 6000.0, "output": 570.0}


def test_what_an_ended_lease_held_is_taken_off_no_more() -> None:
    pool = pool_of()
    first, _second = reserved(pool, input=100.0, output=10.0), reserved(pool, input=200.0, output=20.0)
    pool.settle(first, 100.0, 10.0, 0.0)
    pool.learn(pool.keys[0], "", FULL, 0.0)
    assert levels(pool.keys[0]) == {"requests": 59.0, "input": 5800.0, "output": 580.0}


def test_a_kind_the_answer_left_out_is_still_corrected_when_the_request_ends() -> None:
    pool = pool_of(KeySettings("a", itpm=6000))
    own = reserved(pool, input=100.0)
    pool.learn(pool.keys[0], "", [("requests", 60, 50, 10.0)], 0.0, own=own)
    pool.settle(own, 300.0, 0.0, 0.0)
    assert levels(pool.keys[0]) == {"requests": 50.0, "input": 5700.0}


def test_input_and_output_together_are_learned_where_an_upstream_limits_only_that() -> None:
    pool = pool_of()
    own = reserved(pool, input=1000.0, output=100.0)
    pool.learn(pool.keys[0], "", [("tokens", 6000, 5000, 10.0)], 0.0, own=own)
    assert levels(pool.keys[0]) == {"tokens": 4900.0}
    pool.settle(own, 1234.0, 150.0, 0.0)
    assert levels(pool.keys[0]) == {"tokens": 4850.0}


def test_tokens_beside_input_and_output_only_repeat_one_of_them() -> None:
    pool = pool_of()
    pool.learn(pool.keys[0], "", [("tokens", 600, 0, 60.0)], 0.0)
    pool.learn(pool.keys[0], "", [("requests", 60, 60, 0.0), ("tokens", 600, 0, 60.0), *FULL[1:]], 0.0)
    assert levels(pool.keys[0]) == {"requests": 60.0, "input": 6000.0, "output": 600.0}


def test_a_configured_limit_of_both_stays_beside_learned_ones() -> None:
    pool = pool_of(KeySettings("a", tpm=100))
    pool.learn(pool.keys[0], "", FULL, 0.0)
    assert levels(pool.keys[0])["tokens"] == 100.0


@pytest.mark.parametrize(
    "report",
    [("requests", 0, 0, 60.0), ("input", None, 5, 5.0), ("output", nan, nan, nan), ("credits", 5, 0, 60.0)],
)
def test_an_absurd_report_limits_nothing(report: LimitReport) -> None:
    pool = pool_of()
    pool.learn(pool.keys[0], "", [report], 0.0)
    assert pool.keys[0].utilisation(0.0) == []


def test_a_limit_first_learned_while_leases_are_open_has_them_taken_off() -> None:
    pool = pool_of()
    lease = reserved(pool, input=1000.0)
    pool.learn(pool.keys[0], "", [("input", 6000, None, None)], 0.0)
    assert levels(pool.keys[0]) == {"input": 5000.0}
    pool.give_back(lease, 0.0, was_counted=False)
    assert levels(pool.keys[0]) == {"input": 6000.0}


# Throttles


def test_a_throttled_key_waits_exactly_as_long_as_was_said() -> None:
    pool = pool_of()
    assert pool.cool(pool.keys[0], "", 7.5, 100.0, dice) == 107.5
    assert refused(pool, now=107.4) == Refusal("throttled", 107.5)
    reserved(pool, now=107.5)


def test_a_throttle_cools_one_family_only() -> None:
    pool = pool_of()
    pool.cool(pool.keys[0], "opus", 10.0, 0.0, dice)
    assert refused(pool, family="opus").reason == "throttled"
    reserved(pool, family="haiku")
    assert not pool.keys[0].state(0.0).is_open


def test_without_families_a_throttle_opens_the_keys_circuit() -> None:
    pool = pool_of()
    pool.cool(pool.keys[0], "", 10.0, 0.0, dice)
    assert pool.keys[0].state(1.0).reason == "throttled"
    assert refused(pool, family="haiku").retry_at == 10.0


def test_the_upstreams_latest_word_counts() -> None:
    pool = pool_of()
    pool.cool(pool.keys[0], "", 60.0, 0.0, dice)
    assert pool.cool(pool.keys[0], "", 2.0, 1.0, dice) == 3.0
    assert pool.cool(pool.keys[0], "", None, 1.0, dice) == 3.0


def test_an_unsaid_wait_doubles_with_each_throttle_in_a_row_up_to_a_ceiling() -> None:
    pool = pool_of()
    key, now, waits = pool.keys[0], 0.0, []
    for _ in range(8):
        until = pool.cool(key, "opus", None, now, lambda: 0.5)
        waits.append(until - now)
        now = until
    assert waits == [0.75, 1.5, 3.0, 6.0, 12.0, 22.5, 22.5, 22.5]


def test_a_success_starts_the_wait_anew() -> None:
    pool = pool_of()
    key = pool.keys[0]
    pool.cool(key, "opus", None, 0.0, dice)
    pool.cool(key, "opus", None, 10.0, dice)
    pool.succeed(key, "opus")
    assert pool.cool(key, "opus", None, 20.0, dice) == 20.5


def test_many_throttles_at_once_are_one() -> None:
    pool = pool_of()
    for _ in range(50):
        assert pool.cool(pool.keys[0], "opus", None, 0.0, dice) == 0.5
    assert pool.cool(pool.keys[0], "opus", None, 0.5, dice) == 1.5


def test_many_throttles_at_once_that_say_how_long_are_one() -> None:
    pool = pool_of()
    for _ in range(50):
        pool.cool(pool.keys[0], "opus", 5.0, 0.0, dice)
    assert pool.cool(pool.keys[0], "opus", None, 5.0, dice) == 6.0


@pytest.mark.parametrize(
    ("said", "seconds"), [(3.2e7, 3600.0), (inf, 3600.0), (0.0, 0.5), (-5.0, 0.5), (nan, 0.5), (0.25, 0.25)]
)
def test_an_absurd_wait_is_bounded(said: float, seconds: float) -> None:
    pool = pool_of()
    assert pool.cool(pool.keys[0], "", said, 0.0, dice) == seconds


def test_a_throttle_does_not_end_an_outage() -> None:
    pool = pool_of()
    until = pool.refuse(pool.keys[0], 0.0)
    assert pool.cool(pool.keys[0], "", 1.0, 0.0, dice) == until
    assert pool.keys[0].state(0.0).reason == "credential"


# Outages


def test_a_spent_plan_takes_out_every_key_of_its_organisation() -> None:
    pool = pool_of(KeySettings("a"), KeySettings("b"), KeySettings("c"))
    a, b, c = pool.keys
    a.organisation = b.organisation = "org"
    assert pool.spend(a, 3600.0, 0.0) == 3600.0
    assert [key.state(1.0).reason for key in (a, b, c)] == ["plan", "plan", ""]
    assert refused(pool, b, now=1.0) == Refusal("plan", 3600.0)


def test_keys_of_unknown_organisation_are_no_relatives() -> None:
    pool = pool_of(KeySettings("a"), KeySettings("b"))
    pool.spend(pool.keys[0], None, 0.0)
    reserved(pool, pool.keys[1])


def test_a_refused_credential_is_tried_again_after_longer_and_longer() -> None:
    pool = pool_of()
    key, now, waits = pool.keys[0], 0.0, []
    for _ in range(6):
        until = pool.refuse(key, now)
        waits.append(until - now)
        now = until
    assert waits == [60.0, 120.0, 240.0, 480.0, 900.0, 900.0]


def test_many_refusals_at_once_are_one() -> None:
    pool = pool_of()
    assert {pool.refuse(pool.keys[0], 0.0) for _ in range(50)} == {60.0}


@pytest.mark.parametrize(("said", "seconds"), [(nan, 60.0), (0.0, 60.0), (1e9, 21600.0), (inf, 21600.0), (5.0, 5.0)])
def test_an_absurd_reset_of_a_plan_is_bounded(said: float, seconds: float) -> None:
    pool = pool_of()
    assert pool.spend(pool.keys[0], said, 0.0) == seconds


def test_after_an_outage_one_request_tries_the_key() -> None:
    pool = pool_of()
    pool.refuse(pool.keys[0], 0.0)
    reserved(pool, now=60.0)
    assert refused(pool, now=60.0) == Refusal("credential", 60.0 + TRIAL_SECONDS)
    pool.succeed(pool.keys[0], "")
    reserved(pool, now=60.0)
    assert not pool.keys[0].state(60.0).is_open


def test_a_trial_that_gets_lost_makes_room_for_another() -> None:
    pool = pool_of()
    pool.refuse(pool.keys[0], 0.0)
    reserved(pool, now=60.0)
    reserved(pool, now=60.0 + TRIAL_SECONDS)


def test_a_trial_that_proved_nothing_makes_room_at_once_for_one_other() -> None:
    pool = pool_of()
    pool.refuse(pool.keys[0], 0.0)
    pool.give_back(reserved(pool, now=60.0), 60.0, was_counted=True)
    reserved(pool, now=60.0)
    assert refused(pool, now=60.0) == Refusal("credential", 60.0 + TRIAL_SECONDS)


def test_a_request_from_before_the_outage_ends_nobodys_trial() -> None:
    pool = pool_of()
    earlier = reserved(pool, now=0.0)
    pool.refuse(pool.keys[0], 0.0)
    reserved(pool, now=60.0)
    pool.give_back(earlier, 61.0, was_counted=True)
    assert pool.keys[0].is_on_trial


def test_a_failed_trial_lengthens_the_outage() -> None:
    pool = pool_of()
    pool.refuse(pool.keys[0], 0.0)
    reserved(pool, now=60.0)
    assert pool.refuse(pool.keys[0], 61.0) == 181.0


def test_a_throttled_trial_waits_as_long_as_was_said() -> None:
    pool = pool_of()
    pool.refuse(pool.keys[0], 0.0)
    reserved(pool, now=60.0)
    assert pool.cool(pool.keys[0], "", 2.0, 60.0, dice) == 62.0


def test_a_request_from_before_the_outage_does_not_end_it() -> None:
    pool = pool_of()
    lease = reserved(pool)
    pool.refuse(pool.keys[0], 1.0)
    pool.settle(lease, 1.0, 1.0, 2.0)
    pool.succeed(pool.keys[0], "")
    assert pool.keys[0].state(2.0).reason == "credential"


def test_an_operator_can_bring_a_key_back() -> None:
    pool = pool_of()
    pool.refuse(pool.keys[0], 0.0)
    pool.cool(pool.keys[0], "opus", 60.0, 0.0, dice)
    pool.restore(pool.keys[0])
    reserved(pool, family="opus")
    reserved(pool, family="opus")


# The provider as a whole


def test_it_is_free_when_its_first_key_is() -> None:
    pool = pool_of(KeySettings("a", rpm=60), KeySettings("b", rpm=60))
    a, b = pool.keys
    pool.cool(a, "", 30.0, 0.0, dice)
    for _ in range(60):
        reserved(pool, b)
    assert pool.free_at("", 0.0, 0.0, 0.0) == 1.0
    pool.cool(b, "", 40.0, 0.0, dice)
    assert pool.free_at("", 0.0, 0.0, 0.0) == 30.0


def test_a_key_that_cools_and_is_empty_is_free_after_both() -> None:
    pool = pool_of(KeySettings("a", rpm=60))
    for _ in range(60):
        reserved(pool)
    pool.cool(pool.keys[0], "", 0.25, 0.0, dice)
    assert pool.free_at("", 0.0, 0.0, 0.0) == 1.0


def test_asking_when_it_is_free_changes_nothing() -> None:
    pool = pool_of(KeySettings("a", rpm=60))
    assert pool.free_at("opus", 1.0, 1.0, 5.0) == 5.0
    assert pool.keys[0].families == {}


def test_a_pool_without_keys_is_never_free() -> None:
    pool = KeyPool([])
    assert pool.free_at("", 0.0, 0.0, 0.0) == inf
    assert pool.is_out(0.0) is None
    assert list(pool.rank(0.0, dice)) == []
    assert list(pool.rank_for("s")) == []


def test_it_is_out_when_every_key_is_until_the_first_comes_back() -> None:
    pool = pool_of(KeySettings("a"), KeySettings("b"))
    pool.refuse(pool.keys[0], 0.0)
    assert pool.is_out(0.0) is None
    pool.cool(pool.keys[1], "", 10.0, 0.0, dice)
    assert pool.is_out(0.0) == Refusal("throttled", 10.0)
    assert pool.is_out(10.0) is None


def test_it_is_out_for_a_family_that_cools_on_every_key() -> None:
    pool = pool_of(KeySettings("a"), KeySettings("b"))
    for key in pool.keys:
        pool.cool(key, "opus", 10.0, 0.0, dice)
    assert pool.is_out(0.0, "opus") == Refusal("throttled", 10.0)
    assert pool.is_out(0.0, "haiku") is None
    assert pool.is_out(0.0) is None


# Reload


def test_a_reload_keeps_the_keys_it_knows() -> None:
    old = pool_of(KeySettings("a", rpm=60), KeySettings("b"))
    lease = reserved(old)
    new = KeyPool([KeySettings("c"), KeySettings("a", rpm=60, weight=5)], carried={key.name: key for key in old.keys})
    assert new.keys[1] is old.keys[0]
    assert new.keys[1].settings.weight == 5
    old.settle(lease, 1.0, 1.0, 0.0)
    assert new.keys[1].in_flight == 0


def test_a_key_whose_limits_were_changed_starts_anew_and_old_leases_end_on_the_old_one() -> None:
    old = pool_of(KeySettings("a", rpm=60))
    lease = reserved(old)
    new = KeyPool([KeySettings("a", rpm=30)], carried={"a": old.keys[0]})
    assert new.keys[0] is not old.keys[0]
    new.settle(lease, 1.0, 1.0, 0.0)
    assert (old.keys[0].in_flight, new.keys[0].in_flight) == (0, 0)


def test_a_key_named_twice_is_one_key() -> None:
    twice = KeySettings("a")
    assert len(pool_of(twice, twice, KeySettings("a", rpm=5)).keys) == 1


def test_it_shows_no_more_than_names_and_counts() -> None:
    pool = pool_of(KeySettings("a"))
    lease = reserved(pool, input=5.0)
    assert repr(pool) == "<KeyPool least_loaded [1 keys | 1 leases]>"
    assert repr(pool.keys[0]) == "<Key a [1 in flight, 1 families]>"
    assert repr(lease) == "<Lease a '' 5 in, 0 out, open>"


# -- answers being written --------------------------------------------------------------------------------------------

WRITING = KeySettings("a", otpm=600)


def test_no_output_refills_for_an_answer_that_is_still_being_written() -> None:
    pool = pool_of(WRITING)
    lease = reserved(pool, output=400.0)
    assert refused(pool, now=50.0, output=300.0) == Refusal("rate", 60.0)
    pool.settle(lease, 0.0, 400.0, 50.0)
    # Upstream is charged only now: what was left refills from here on.
    assert levels(pool.keys[0], 60.0) == {"output": 300.0}


def test_an_answer_that_takes_longer_than_a_minute_stands_in_nobodys_way() -> None:
    pool = pool_of(WRITING)
    reserved(pool, output=600.0)
    reserved(pool, now=120.0, output=600.0)


def test_input_refills_at_once_since_it_was_charged_at_once() -> None:
    pool = pool_of(LIMITED)
    reserved(pool, input=3000.0)
    assert levels(pool.keys[0], 60.0)["input"] == 6000.0


def test_a_limit_learned_while_answers_are_written_is_held_for_them_too() -> None:
    pool = pool_of()
    lease = reserved(pool, output=400.0)
    pool.learn(pool.keys[0], "", [("output", 600.0, 600.0, None)], 0.0)
    assert levels(pool.keys[0], 50.0) == {"output": 200.0}
    pool.give_back(lease, 50.0, was_counted=False)
    assert levels(pool.keys[0], 50.0) == {"output": 600.0}


def with_answers_off_by(tokens: float) -> KeyPool:
    pool = pool_of(KeySettings("a", otpm=6000))
    for number in range(200):
        lease = reserved(pool, now=number * 60.0, output=300.0)
        pool.settle(lease, 0.0, 300.0 + (tokens if number % 2 else -tokens), number * 60.0)
    return pool


def test_who_is_alone_is_spared_nothing_from() -> None:
    pool = with_answers_off_by(200.0)
    reserved(pool, now=1e6, output=6000.0)


def test_beside_others_a_standard_deviation_of_all_their_lengths_is_spared() -> None:
    pool = with_answers_off_by(200.0)
    first = reserved(pool, now=1e6, output=3000.0)
    # Two answers, each off by 200: 283 together.
    refused(pool, now=1e6, output=2730.0)
    reserved(pool, now=1e6, output=2710.0)
    assert first.is_open


def test_a_monstrous_answer_does_not_keep_a_key_to_itself() -> None:
    pool = with_answers_off_by(0.0)
    pool.settle(reserved(pool, now=1e6, output=300.0), 0.0, 1e6, 1e6)
    reserved(pool, now=2e6, output=3000.0)
    refused(pool, now=2e6, output=1501.0)
    reserved(pool, now=2e6, output=1500.0)


# -- room -------------------------------------------------------------------------------------------------------------


def test_room_is_half_of_every_limit() -> None:
    pool = pool_of(LIMITED)
    key = pool.keys[0]
    assert key.has_room("", 0.0)
    reserved(pool, output=300.0)
    assert key.has_room("", 0.0)
    reserved(pool, input=3001.0)
    assert not key.has_room("", 0.0)


def test_a_key_has_no_room_while_it_is_out_and_until_five_minutes_after_a_throttle() -> None:
    pool = pool_of()
    key = pool.keys[0]
    pool.cool(key, "family", 10.0, 0.0, dice)
    assert [key.has_room("family", now) for now in (0.0, 309.9, 310.0)] == [False, False, True]
    assert key.has_room("other", 0.0)
    pool.refuse(key, 0.0)
    assert not key.has_room("other", 0.0)
