"""The first lines a person reads."""

import pytest

from cc_relay.config import Config, Loaded, discover, parse
from cc_relay.runtime.assemble import assemble
from cc_relay.runtime.start_up import start_up_lines

HERE = ("127.0.0.1", 8787)
ADMIN = "http://127.0.0.1:8788"
RELAY_KEY = "relay-key-never-shown"
FILE = """
server: {auth: {api_key: "${RELAY_KEY}"}}
state: {backend: "redis://cache.internal"}
providers:
  - {name: work, type: anthropic, keys: [{key: "${WORK_KEY}"}, sk-second-never-shown]}
  - {name: local, type: ollama}
"""
ENVIRON = {"RELAY_KEY": RELAY_KEY, "WORK_KEY": "sk-first-never-shown"}


def lines(loaded: Loaded, address: tuple[str, int] = HERE) -> list[str]:
    return list(start_up_lines(loaded, assemble(loaded.config), address, admin=ADMIN))


def of_file(text: str = FILE) -> Loaded:
    return parse(text, format="yaml", source="relay.yaml", environ=ENVIRON)


def with_auth(auth: dict[str, object], *, keys: tuple[str, ...] = ("sk-1",)) -> Loaded:
    provider = {"name": "a", "type": "anthropic", "keys": list(keys)}
    return Loaded(Config.model_validate({"server": {"auth": auth}, "providers": [provider]}), "relay.yaml")


def about_access(loaded: Loaded, address: tuple[str, int] = HERE) -> tuple[str, str]:
    """The line about clients' credentials, and what is to be exported beside the address."""
    *_, access, following, _ = lines(loaded, address)
    url, _, more = following.partition(" ANTHROPIC_BASE_URL=")[2].partition(" and start")[0].partition(" ")
    assert url.startswith("http://")
    return access, more


def test_a_file_is_told_back_without_its_secrets() -> None:
    said = lines(of_file())

    assert said[0] == "cc-relay listens on http://127.0.0.1:8787 (configuration: relay.yaml)"
    assert said[1] == (
        "  work (anthropic) at https://api.anthropic.com: ${WORK_KEY} from the environment, written in the file"
    )
    assert said[2].startswith("  local (ollama) at http://")
    assert said[2].endswith(": no key")
    assert said[3] == "  note: state: shared state is not served yet; every process counts for itself"
    assert said[4] == "Admin port: http://127.0.0.1:8788"
    assert said[5] == "Clients must send the relay's key."
    assert "never-shown" not in "".join(said)


def test_zero_configuration_says_where_its_keys_came_from() -> None:
    said = lines(discover({"ZAI_API_KEY": "zai-never-shown"}, ollama_models=None))

    assert said[0].endswith("(configuration: found in the environment; `cc-relay config init` writes a file)")
    assert said[1] == "  zai (zai) at https://api.z.ai/api/anthropic: ${ZAI_API_KEY} from the environment"
    assert said[3] == "Clients on this machine need no credential."
    assert "never-shown" not in "".join(said)


def test_a_cloud_says_where_its_credential_comes_from() -> None:
    environ = {
        "AWS_BEARER_TOKEN_BEDROCK": "aws-never-shown",
        "AWS_REGION": "us-east-1",
        "GOOGLE_CLOUD_PROJECT": "p",
        "CLOUD_ML_REGION": "global",
    }
    said = lines(discover(environ, ollama_models=None))

    assert said[1].startswith("  bedrock (bedrock) at https://bedrock-runtime.us-east-1.")
    assert said[1].endswith(": ${AWS_BEARER_TOKEN_BEDROCK} from the environment")
    assert said[2].startswith("  vertex (vertex) at https://aiplatform.")
    assert said[2].endswith(": Google's application default credentials")
    assert "never-shown" not in "".join(said)


def test_with_nothing_found_clients_need_their_own_login() -> None:
    loaded = discover({}, ollama_models=None)

    assert about_access(loaded) == ("Clients must send a Claude login of their own, which passes through.", "")


def test_an_admin_port_that_is_not_there_is_explained() -> None:
    loaded = of_file()
    said = list(start_up_lines(loaded, assemble(loaded.config), HERE, admin="", admin_problem="it is taken"))

    assert said[4] == "No admin port: it is taken; set admin.listen to a free address."


def test_the_last_lines_say_what_to_do() -> None:
    *_, following, last = lines(of_file())

    assert following == (
        "Next: export ANTHROPIC_BASE_URL=http://127.0.0.1:8787 ANTHROPIC_AUTH_TOKEN=YOUR_RELAY_KEY and start `claude`;"
    )
    assert "`cc-relay config cc init`" in last


@pytest.mark.parametrize(
    ("auth", "access", "export"),
    [
        (
            {},
            "Clients on this machine need no credential.",
            "ANTHROPIC_AUTH_TOKEN=cc-relay-placeholder",
        ),
        (
            {"allow_subscription": True},
            "Clients on this machine need no credential.",
            "",
        ),
        (
            {"api_key": RELAY_KEY},
            "Clients must send the relay's key.",
            "ANTHROPIC_AUTH_TOKEN=YOUR_RELAY_KEY",
        ),
        (
            {"api_key": RELAY_KEY, "allow_subscription": True},
            "Clients must send the relay's key or a Claude login.",
            "ANTHROPIC_AUTH_TOKEN=YOUR_RELAY_KEY",
        ),
        (
            {"allow_bearer": True, "bearer_secret": RELAY_KEY},
            "Clients must send the relay's key.",
            "ANTHROPIC_AUTH_TOKEN=YOUR_RELAY_KEY",
        ),
        (
            {"allow_bearer": True},
            "Clients must send a bearer token; any will do (server.auth.bearer_secret is not set).",
            "ANTHROPIC_AUTH_TOKEN=cc-relay-placeholder",
        ),
    ],
)
def test_every_way_in_is_said(auth: dict[str, object], access: str, export: str) -> None:
    assert about_access(with_auth(auth)) == (access, export)


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:8787"), ("::", "http://[::1]:8787"), ("192.168.1.5", "http://192.168.1.5:8787")],
)
def test_who_lets_everybody_in_is_told_so(host: str, url: str) -> None:
    loaded = with_auth({})

    assert url in lines(loaded, (host, 8787))[0]
    assert about_access(loaded, (host, 8787))[0] == "All who can reach it need no credential."


@pytest.mark.parametrize(("host", "is_said"), [("0.0.0.0", True), ("::", True), ("127.0.0.1", False), ("::1", False)])
def test_listening_everywhere_is_said(host: str, is_said: bool) -> None:
    first = lines(of_file(), (host, 8787))[0]

    assert ("every other address" in first) is is_said


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert lines(of_file(), ("::1", 80))[0].startswith("cc-relay listens on http://[::1]:80 ")
