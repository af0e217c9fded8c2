"""Variables: forms, defaults, the unset ones, and disabled providers."""

import pytest
from tests.unit.config.helpers import ONE_PROVIDER, problems, read

from cc_relay.config.expand import expand_text

ENVIRON = {"NAME": "value", "EMPTY": "", "TRICK": "a: [b", "NESTED": "${NAME}"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${NAME}", "value"),
        ("<${NAME}${NAME}>", "<valuevalue>"),
        ("${EMPTY}", ""),
        ("${MISSING:-fallback}", "fallback"),
        ("${EMPTY:-fallback}", "fallback"),
        ("${NAME:-fallback}", "value"),
        ("${MISSING:-}", ""),
        ("${MISSING:-a:-b}", "a:-b"),
        ("$${NAME}", "${NAME}"),
        ("$$", "$"),
        ("pa$word", "pa$word"),
        ("5$", "5$"),
        ("${NESTED}", "${NAME}"),
    ],
)
def test_a_reference_becomes_its_value_once(text: str, value: str) -> None:
    assert expand_text(text, ENVIRON)[0] == value


@pytest.mark.parametrize("text", ["${NAME", "${}", "${1A}", "${A B}", "${NAME:-${OTHER}}", "$NAME"])
def test_what_only_looks_like_a_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\$"):
        expand_text(text, ENVIRON)


def test_the_origin_is_told_without_the_value() -> None:
    assert expand_text("${NAME}", ENVIRON)[1] == "${NAME} from the environment"
    assert expand_text("${X:-secret}", ENVIRON)[1] == "the default of ${X}"
    assert expand_text("plain $$", ENVIRON)[1] is None


def test_a_value_cannot_change_the_structure() -> None:
    loaded = read("logging: {output: '${TRICK}'}\n" + ONE_PROVIDER, ENVIRON)
    assert loaded.config.logging.output == "a: [b"


def test_numbers_and_switches_may_come_from_the_environment() -> None:
    text = 'server: {timeout_ms: "${T}", enable_http2: "${H:-false}"}\n' + ONE_PROVIDER
    assert read(text, {"T": "5000"}).config.server.timeout_ms == 5000


def test_an_unset_variable_names_its_line_and_nothing_follows_from_it() -> None:
    text = """\
    providers:
      - name: a
        type: zai
        base_url: "${URL}"
        keys:
          - key: ${KEY}
    """
    assert problems(text) == [
        "4:15: providers[0].base_url: environment variable URL is not set (set it, or give a default: ${URL:-…})",
        "6:14: providers[0].keys[0].key: environment variable KEY is not set (set it, or give a default: ${KEY:-…})",
    ]


def test_a_misspelt_variable_is_recognised() -> None:
    text = "providers: [{name: a, type: zai, keys: [key: '${ZAI_KEY}']}]"
    assert problems(text, {"ZAI_API_KEY": "hunter2"})[0].endswith("ZAI_KEY is not set; did you mean ${ZAI_API_KEY}?")


@pytest.mark.parametrize("enabled", ["false", "no", '"${SWITCH}"'])
def test_a_disabled_provider_may_name_unset_variables(enabled: str) -> None:
    text = f"""\
    providers:
      - name: a
        type: anthropic
      - name: b
        type: anthropic_compatible
        enabled: {enabled}
        base_url: "https://${{HOST}}"
        priority: "${{P}}"
        models: ["${{M}}", kept]
        keys:
          - key: "${{ONE}}"
            rpm_limit: 5
          - "${{TWO}}"
          - "${{SET}}"
    """
    provider = read(text, {"SWITCH": "off", "SET": "sk-set"}).config.providers[1]
    assert not provider.enabled
    assert provider.models == ("kept",)
    assert [key.key.get_secret_value() for key in provider.keys] == ["sk-set"]


def test_a_disabled_provider_still_needs_its_name() -> None:
    text = "providers: [{name: a, type: anthropic}, {name: '${N}', type: zai, enabled: false}]"
    assert problems(text) == [
        "1:48: providers[1].name: environment variable N is not set (set it, or give a default: ${N:-…})"
    ]


def test_a_variable_that_is_set_but_empty_is_told_as_such() -> None:
    text = "providers: [{name: a, type: anthropic, keys: [key: '${EMPTY}']}]"
    assert problems(text, ENVIRON) == ["1:52: providers[0].keys[0].key: is empty (${EMPTY} from the environment)"]
