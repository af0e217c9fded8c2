"""The command line of `python -m cc_relay.sim`."""

import pytest

from cc_relay.exchange import AwsKeys
from cc_relay.sim.__main__ import parser, settings
from cc_relay.sim.faults import FaultRule
from cc_relay.sim.settings import SimSettings


def read(*argv):
    return settings(parser().parse_args(argv))


def test_without_options_it_is_the_default_provider():
    assert read() == SimSettings()


def test_options_become_settings():
    simulated = read(
        "--dialect", "zai", "--speed", "50", "--key", "a", "--key", "b", "--rpm", "60", "--fault", "529=0.1"
    )
    assert simulated == SimSettings(
        dialect="zai", speed=50.0, keys=("a", "b"), rpm=60, faults=(FaultRule(fault="529", probability=0.1),)
    )


def test_a_clouds_options_become_settings():
    simulated = read(
        "--dialect", "bedrock", "--region", "eu-west-1", "--aws-key", "AKIA:s/e+c:to:ken", "--client", "id:secret"
    )
    assert simulated.aws_keys == (AwsKeys("AKIA", "s/e+c", "to:ken"),)
    assert (simulated.region, simulated.client_id, simulated.client_secret) == ("eu-west-1", "id", "secret")


@pytest.mark.parametrize(
    "argv", [("--dialect", "klingon"), ("--aws-key", "AKIA"), ("--fault", "meteor"), ("--fault", "529=often")]
)
def test_what_nobody_knows_is_refused(argv):
    with pytest.raises(SystemExit):
        read(*argv)
