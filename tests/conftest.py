"""What holds for every test: no real network, no real environment."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.support import sockets

# The machine's speed is no property of the code.
settings.register_profile("default", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, max_examples=300, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))

ROOMS_WITHOUT_SOCKETS = ("unit", "property")

# Every variable a provider, a proxy or the relay itself would listen to; what a test needs it sets itself.
DROPPED_PREFIXES = (
    "ANTHROPIC", "AWS", "AZURE", "CC_RELAY", "CLAUDE", "CLOUD_ML", "CLOUDSDK", "DASHSCOPE", "DEEPSEEK", "GCP", "GEMINI",
    "GOOGLE", "MINIMAX", "MOONSHOT", "OLLAMA", "OPENAI", "OPENROUTER", "OTEL", "RELAY", "VERTEX", "XDG", "ZAI",
)  # fmt: skip
DROPPED_SUFFIXES = ("_API_KEY", "_PROXY", "_proxy")
DROPPED = {"FORCE_COLOR", "NODE_EXTRA_CA_CERTS", "NO_COLOR", "SSL_CERT_DIR", "SSL_CERT_FILE"}
KEPT = {"CC_RELAY_CLAUDE_CODE"}  # how `./dev test claude-code` opts in

HOME = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    for name in set(os.environ) - KEPT:
        if name.startswith(DROPPED_PREFIXES) or name.endswith(DROPPED_SUFFIXES) or name in DROPPED:
            del os.environ[name]
    home = Path(tempfile.mkdtemp(prefix="cc-relay-home-"))
    config.stash[HOME] = home
    _live_in(home)
    sockets.install()


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[HOME], ignore_errors=True)


@pytest.fixture(autouse=True)
def _only_allowed_sockets(request: pytest.FixtureRequest) -> Iterator[None]:
    room = request.path.relative_to(Path(__file__).parent).parts[0]
    reach = sockets.Reach.NOWHERE if room in ROOMS_WITHOUT_SOCKETS else sockets.Reach.LOOPBACK
    with sockets.limited_to(reach) as refused:
        yield
    # The code under test may have caught the refusal.
    assert not refused, f"a test in tests/{room} reached for the network: {', '.join(refused)}"


@pytest.fixture(autouse=True)
def _home_stays_empty(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    shared = request.config.stash[HOME]
    left = sorted(path.name for path in shared.iterdir())
    if left:
        shutil.rmtree(shared)
        shared.mkdir()
        pytest.fail(f"the test wrote {left} to the HOME all tests share: ask for the `home` fixture")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty HOME (with its XDG directories unset) of the test's own."""
    own = tmp_path / "home"
    own.mkdir()
    monkeypatch.setenv("HOME", str(own))
    for name in _XDG:
        monkeypatch.delenv(name, raising=False)
    return own


_XDG = {
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
    "XDG_CACHE_HOME": ".cache",
    "XDG_RUNTIME_DIR": ".run",
}


def _live_in(home: Path) -> None:
    os.environ["HOME"] = str(home)
    os.environ.update({name: str(home / place) for name, place in _XDG.items()})
