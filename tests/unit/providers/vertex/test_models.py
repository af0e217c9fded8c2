import pytest

from cc_relay.errors import Rejection
from cc_relay.providers.vertex.models import asked_segment, counted_id, path_segment, upstream_id


@pytest.mark.parametrize(
    ("asked", "upstream"),
    [
        ("claude-sonnet-4-5", "claude-sonnet-4-5@20250929"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5@20250929"),
        ("claude-opus-4-5", "claude-opus-4-5@20251101"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5@20251001"),
        ("claude-sonnet-4-0", "claude-sonnet-4@20250514"),
        ("claude-opus-4-1-20250805", "claude-opus-4-1@20250805"),
        ("claude-opus-4-6", "claude-opus-4-6"),
        ("claude-opus-5-5", "claude-opus-5-5"),
        ("claude-haiku-4-5@default", "claude-haiku-4-5@default"),
        ("claude-of-tomorrow", "claude-of-tomorrow"),
    ],
)
def test_anthropics_ids_become_googles(asked: str, upstream: str) -> None:
    assert upstream_id(asked) == upstream
    assert upstream_id(upstream) == upstream


def test_counting_knows_no_versions() -> None:
    assert counted_id("claude-sonnet-4-5@20250929") == "claude-sonnet-4-5"
    assert counted_id("claude-opus-5-5") == "claude-opus-5-5"


def test_an_at_sign_stands_in_a_path_and_a_semicolon_does_not() -> None:
    assert path_segment("claude-sonnet-4-5@20250929;beta") == "claude-sonnet-4-5@20250929%3Bbeta"


@pytest.mark.parametrize(
    "model",
    [
        "claude/../../x",
        "claude-5:rawPredict",
        "claude?x=1",
        "claude#x",
        "claude 5",
        "claude\n",
        "claude%2f",
        "clàude",
        "",
        "..",
        "-x",
    ],
)
def test_an_id_that_would_break_the_path_is_the_clients_fault(model: str) -> None:
    with pytest.raises(Rejection, match="model: ") as refused:
        asked_segment(model)
    assert (refused.value.status, refused.value.error_type) == (400, "invalid_request_error")
