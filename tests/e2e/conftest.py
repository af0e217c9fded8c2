"""One relay and two simulated providers for all end-to-end tests with real clients."""

from collections.abc import Iterator

import pytest
from tests.support.e2e_stage import Stage, open_stage


@pytest.fixture(scope="session")
def running_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture
def stage(running_stage: Stage) -> Stage:
    """The relay and its providers, without faults, scripts or memories of other tests."""
    running_stage.reset()
    return running_stage
