"""`serve` before it serves: who may reach the relay."""

import errno

import pytest

from cc_relay.cli.exits import WrongInput, cannot_listen
from cc_relay.cli.serve import check_exposure
from cc_relay.config import Config


def config(**auth: object) -> Config:
    return Config.model_validate({"server": {"auth": auth}, "providers": [{"name": "a", "type": "anthropic"}]})


@pytest.mark.parametrize("listen", ["127.0.0.1:8787", "[::1]:8787", "localhost:0"])
def test_this_machine_may_come_in_without_a_credential(listen: str) -> None:
    check_exposure(config(), listen)


@pytest.mark.parametrize("listen", [":8787", "0.0.0.0:8787", "[::]:8787", "192.168.1.5:80", "relay.example:80"])
def test_other_machines_may_not(listen: str) -> None:
    with pytest.raises(WrongInput, match="api_key") as refusal:
        check_exposure(config(), listen)
    assert refusal.value.exit_code == 1


@pytest.mark.parametrize("auth", [{"api_key": "k"}, {"allow_bearer": True, "bearer_secret": "s"}])
def test_other_machines_may_come_in_with_a_credential(auth: dict[str, object]) -> None:
    check_exposure(config(**auth), "0.0.0.0:8787")


def test_a_login_that_passes_through_is_no_credential_of_ours() -> None:
    with pytest.raises(WrongInput):
        check_exposure(config(allow_subscription=True), "0.0.0.0:8787")


def test_who_cannot_listen_is_told_which_setting_chooses_another_address() -> None:
    taken = OSError(errno.EADDRINUSE, "address already in use")

    assert str(cannot_listen("127.0.0.1:8787", taken)).endswith("Choose another address with --listen.")
    assert str(cannot_listen("127.0.0.1:8788 for the admin port", taken, "admin.listen")) == (
        "cannot listen on 127.0.0.1:8788 for the admin port: something listens there already; is a relay running "
        "(`cc-relay status`)? Choose another address with admin.listen."
    )
