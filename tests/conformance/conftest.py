"""Runs every check on every provider type, and on every way to reach one, but for the visible list of exceptions."""

import pytest
from tests.conformance.opted_out import OPTED_OUT, WAYS_OPTED_OUT
from tests.support.staged import WAYS

from cc_relay.providers.registry import TYPES


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    check = metafunc.function.__name__.removeprefix("test_")
    if "provider_type" in metafunc.fixturenames:
        metafunc.parametrize("provider_type", [name for name in TYPES if (name, check) not in OPTED_OUT])
    if "way" in metafunc.fixturenames:
        metafunc.parametrize("way", [name for name in WAYS if (name, check) not in WAYS_OPTED_OUT])
